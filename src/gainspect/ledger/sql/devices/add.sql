INSERT INTO ledger_devices (hash, actor, used) VALUES (:hash, :actor, :now)
ON CONFLICT (hash, actor) DO UPDATE SET used = :now
