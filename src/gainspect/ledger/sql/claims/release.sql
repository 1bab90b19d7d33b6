DELETE FROM ledger_claims WHERE decision = :decision AND actor = :actor
