-- The database lets one of several take it.
UPDATE ledger_invitations SET used_by = :used_by WHERE hash = :hash AND used_by IS NULL
