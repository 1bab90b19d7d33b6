SELECT r.idx FROM ledger_records r WHERE {conditions}
