SELECT id, name, station, made, used, revoked FROM ledger_tokens WHERE id = :id
