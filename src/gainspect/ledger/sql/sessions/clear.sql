DELETE FROM ledger_sessions
