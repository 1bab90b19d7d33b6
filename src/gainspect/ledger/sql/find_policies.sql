SELECT DISTINCT r.policy_id FROM ledger_records r WHERE {conditions}
