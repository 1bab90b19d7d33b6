SELECT MIN(p.idx), COUNT(*) FROM ledger_pictures p
WHERE p.idx < 0 OR p.idx >= :end OR NOT EXISTS (SELECT 1 FROM ledger_records r WHERE r.idx = p.idx)
