SELECT a.actor, COALESCE(p.name, ''), a.role, a.password, a.disabled
FROM ledger_accounts a LEFT JOIN ledger_people p ON p.actor = a.actor
WHERE a.sign_in = :sign_in
