-- The database lets one of several take it: whoever has it already, or anybody after its end.
INSERT INTO ledger_claims (decision, actor, until) VALUES (:decision, :actor, :until)
ON CONFLICT (decision) DO UPDATE SET actor = :actor, until = :until
WHERE ledger_claims.actor = :actor OR ledger_claims.until <= :now
