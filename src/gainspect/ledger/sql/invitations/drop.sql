DELETE FROM ledger_invitations WHERE hash = :hash AND used_by IS NULL
