DELETE FROM ledger_attempts WHERE origin = :origin
