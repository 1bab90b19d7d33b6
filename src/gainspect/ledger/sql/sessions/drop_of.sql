DELETE FROM ledger_sessions WHERE actor = :actor
