-- What people did to the decisions of a station in a period; each is recorded after its decision.
SELECT d.key, d.at, d.label, a.label, CASE WHEN a.kind = 'override' THEN a.content END
FROM ledger_records a CROSS JOIN ledger_records d
WHERE a.kind IN ('confirm', 'override') AND a.label IN ('ok', 'ng', 'review') AND a.idx >= :first
  AND d.key = a.about
  AND d.kind = 'decision' AND d.label IN ('ok', 'ng', 'review') AND d.station = :station AND d.at >= :begin AND d.at < :end
ORDER BY a.idx
