INSERT INTO ledger_tokens (id, hash, name, station, made) VALUES (:id, :hash, :name, :station, :made)
