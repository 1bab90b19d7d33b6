DELETE FROM ledger_sessions WHERE hash = :hash
