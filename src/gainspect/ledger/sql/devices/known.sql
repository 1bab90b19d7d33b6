SELECT 1 FROM ledger_devices WHERE hash = :hash AND actor = :actor AND used > :after
