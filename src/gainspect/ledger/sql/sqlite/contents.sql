SELECT idx, content FROM ledger_records WHERE idx IN (SELECT value FROM json_each(:indices)) ORDER BY idx DESC
