DELETE FROM ledger_attempts WHERE last <= :before
