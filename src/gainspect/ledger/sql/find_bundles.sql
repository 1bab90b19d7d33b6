SELECT DISTINCT r.bundle FROM ledger_records r WHERE {conditions}
