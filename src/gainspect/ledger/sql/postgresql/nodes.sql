SELECT idx, nodes FROM ledger_records
WHERE idx IN (SELECT value::bigint FROM json_array_elements_text(CAST(:indices AS json)))
