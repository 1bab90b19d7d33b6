SELECT sha256, idx, removed FROM ledger_pictures WHERE idx >= :first AND idx <= :last ORDER BY idx, sha256
