UPDATE ledger_accounts SET role = :role WHERE actor = :actor
