INSERT INTO ledger_head (id, origin, size, frontier) VALUES (1, :origin, 0, :frontier) ON CONFLICT DO NOTHING
