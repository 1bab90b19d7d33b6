-- Of a decision, its columns hold all names that are looked at; of the other kinds, their bytes hold notes.
SELECT idx, part, CASE WHEN kind = 'decision' THEN NULL ELSE content END FROM ledger_records
WHERE idx IN (SELECT value::bigint FROM json_array_elements_text(CAST(:indices AS json)))
