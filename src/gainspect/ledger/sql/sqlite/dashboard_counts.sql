-- Each count is of a range of the index of stations.
WITH bucket (place, begins, ends) AS (
    SELECT key, json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:buckets)
), labels (label) AS (VALUES ('ok'), ('ng'), ('review'))
SELECT b.place, l.label,
       (SELECT COUNT(*) FROM ledger_records r
        WHERE r.station = :station AND r.kind = :kind AND r.label = l.label
          AND r.at >= b.begins AND r.at < b.ends)
FROM bucket b CROSS JOIN labels l
