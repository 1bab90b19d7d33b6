SELECT idx, nodes FROM ledger_records WHERE idx IN (SELECT value FROM json_each(:indices))
