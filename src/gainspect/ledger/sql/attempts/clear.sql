DELETE FROM ledger_attempts
