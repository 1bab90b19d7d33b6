SELECT COUNT(*) FROM ledger_accounts WHERE role = 'engineer' AND disabled = 0
