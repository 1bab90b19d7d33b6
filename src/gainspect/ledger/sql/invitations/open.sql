SELECT hash, role, actor, invited_by, first, expires, used_by FROM ledger_invitations
WHERE used_by IS NULL AND expires > :now
ORDER BY expires, hash
