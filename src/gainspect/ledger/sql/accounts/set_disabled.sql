UPDATE ledger_accounts SET disabled = :disabled WHERE actor = :actor
