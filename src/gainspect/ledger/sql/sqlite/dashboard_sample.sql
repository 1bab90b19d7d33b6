-- Places times 2³² over the golden ratio, modulo 2³², are spread evenly, whatever period the places have.
WITH bucket (place, begins, ends, limited) AS (
    SELECT key, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
    FROM json_each(:buckets)
)
SELECT b.place, r.content
FROM bucket b CROSS JOIN ledger_records r
WHERE r.station = :station AND r.kind = 'decision' AND r.label IN ('ok', 'ng', 'review')
  AND r.at >= b.begins AND r.at < b.ends
  AND (r.idx * 2654435761) % 4294967296 < b.limited
