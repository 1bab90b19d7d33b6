SELECT failures, last FROM ledger_attempts WHERE origin = :origin
