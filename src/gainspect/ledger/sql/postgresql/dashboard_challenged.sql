-- Which of these decisions are of a station in a period.
SELECT r.key, r.at, r.label
FROM json_array_elements_text(CAST(:keys AS json)) AS k (value) JOIN ledger_records r ON r.key = k.value
WHERE r.kind = 'decision' AND r.station = :station
  AND r.at >= :begin COLLATE "C" AND r.at < :end COLLATE "C"
