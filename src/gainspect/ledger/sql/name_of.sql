SELECT name FROM ledger_people WHERE actor = :actor
