SELECT DISTINCT r.bundle, r.policy_id FROM ledger_records r WHERE {conditions}
