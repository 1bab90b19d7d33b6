DELETE FROM ledger_accounts WHERE actor = :actor
