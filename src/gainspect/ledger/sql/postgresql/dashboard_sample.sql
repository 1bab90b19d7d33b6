-- Places times 2³² over the golden ratio, modulo 2³², are spread evenly, whatever period the places have.
WITH bucket (place, begins, ends, limited) AS (
    SELECT ordinality - 1, value->>0, value->>1, CAST(value->>2 AS bigint)
    FROM json_array_elements(CAST(:buckets AS json)) WITH ORDINALITY
)
SELECT b.place, r.content
FROM bucket b CROSS JOIN ledger_records r
WHERE r.station = :station AND r.kind = 'decision' AND r.label IN ('ok', 'ng', 'review')
  AND r.at >= b.begins COLLATE "C" AND r.at < b.ends COLLATE "C"
  AND (r.idx * 2654435761) % 4294967296 < b.limited
