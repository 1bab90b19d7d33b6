-- Each count is of a range of the index of stations.
WITH bucket (place, begins, ends) AS (
    SELECT ordinality - 1, value->>0, value->>1
    FROM json_array_elements(CAST(:buckets AS json)) WITH ORDINALITY
), labels (label) AS (VALUES ('ok'), ('ng'), ('review'))
SELECT b.place, l.label,
       (SELECT COUNT(*) FROM ledger_records r
        WHERE r.station = :station AND r.kind = :kind AND r.label = l.label
          AND r.at >= b.begins COLLATE "C" AND r.at < b.ends COLLATE "C")
FROM bucket b CROSS JOIN labels l
