UPDATE ledger_tokens SET used = :now WHERE id = :id
