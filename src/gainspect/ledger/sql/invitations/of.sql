SELECT hash, role, actor, invited_by, first, expires, used_by FROM ledger_invitations WHERE hash = :hash
