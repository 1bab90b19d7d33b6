SELECT s.begun, s.used, a.actor, COALESCE(p.name, ''), a.role
FROM ledger_sessions s
JOIN ledger_accounts a ON a.actor = s.actor AND a.disabled = 0
LEFT JOIN ledger_people p ON p.actor = a.actor
WHERE s.hash = :hash
