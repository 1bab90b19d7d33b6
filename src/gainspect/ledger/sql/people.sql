SELECT actor, name FROM ledger_people ORDER BY name, actor
