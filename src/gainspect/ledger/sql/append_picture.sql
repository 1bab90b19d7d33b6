INSERT INTO ledger_pictures (sha256, idx, removed) VALUES (:sha256, :idx, :removed)
