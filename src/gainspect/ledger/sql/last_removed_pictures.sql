SELECT sha256 FROM ledger_pictures
WHERE removed = 1 AND idx = (SELECT MAX(idx) FROM ledger_pictures WHERE removed = 1)
