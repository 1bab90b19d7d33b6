-- Which of these decisions are of a station in a period. The order of the join is that of the keys.
SELECT r.key, r.at, r.label
FROM json_each(:keys) k CROSS JOIN ledger_records r
WHERE r.key = k.value AND r.kind = 'decision' AND r.station = :station AND r.at >= :begin AND r.at < :end
