-- A link that somebody made who may not any more, or for somebody who is gone.
DELETE FROM ledger_invitations WHERE used_by IS NULL AND (actor = :actor OR invited_by = :actor)
