SELECT idx, content FROM ledger_records
WHERE idx IN (SELECT value::bigint FROM json_array_elements_text(CAST(:indices AS json)))
ORDER BY idx DESC
