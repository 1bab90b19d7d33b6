DELETE FROM ledger_devices WHERE actor = :actor
