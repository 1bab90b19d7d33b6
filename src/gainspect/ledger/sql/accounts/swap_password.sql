-- Compare and swap: a password that was changed meanwhile stays.
UPDATE ledger_accounts SET password = :password WHERE actor = :actor AND password = :old
