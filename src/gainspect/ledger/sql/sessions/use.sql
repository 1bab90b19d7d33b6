UPDATE ledger_sessions SET used = :now WHERE hash = :hash
