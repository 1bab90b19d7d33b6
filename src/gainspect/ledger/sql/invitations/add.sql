INSERT INTO ledger_invitations (hash, role, actor, invited_by, first, expires)
VALUES (:hash, :role, :actor, :invited_by, :first, :expires)
