SELECT idx, removed FROM ledger_pictures WHERE sha256 = :sha256 ORDER BY idx DESC LIMIT 1
