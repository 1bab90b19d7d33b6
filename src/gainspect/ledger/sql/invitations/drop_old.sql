DELETE FROM ledger_invitations WHERE expires <= :before
