DELETE FROM ledger_people WHERE actor = :actor
