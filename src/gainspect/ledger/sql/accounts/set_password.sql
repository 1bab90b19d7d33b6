UPDATE ledger_accounts SET password = :password WHERE actor = :actor
