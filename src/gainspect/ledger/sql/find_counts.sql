SELECT r.label, COUNT(*) FROM ledger_records r WHERE {conditions} GROUP BY r.label
