UPDATE ledger_tokens SET revoked = :now WHERE id = :id AND revoked IS NULL
