SELECT id, name, station, made, used, revoked FROM ledger_tokens ORDER BY made DESC, id
