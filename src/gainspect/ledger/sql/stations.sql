-- From one station to the next by their index: the records between are not read.
WITH RECURSIVE known(station) AS (
    SELECT MIN(station) FROM ledger_records WHERE idx >= 0
    UNION ALL
    SELECT (SELECT MIN(r.station) FROM ledger_records r WHERE r.station > k.station)
    FROM known k WHERE k.station IS NOT NULL
)
SELECT k.station FROM known k
WHERE k.station IS NOT NULL AND EXISTS (
    SELECT 1 FROM ledger_records r WHERE r.station = k.station AND r.kind IN ('decision', 'bundle_activation')
)
ORDER BY k.station
