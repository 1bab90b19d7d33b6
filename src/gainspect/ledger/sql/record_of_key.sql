SELECT content FROM ledger_records WHERE key = :key
