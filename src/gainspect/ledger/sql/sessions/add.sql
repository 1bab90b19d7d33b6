INSERT INTO ledger_sessions (hash, actor, begun, used) VALUES (:hash, :actor, :now, :now) ON CONFLICT DO NOTHING
