-- The sum keeps SQLite from reading all decisions in the order of their places.
SELECT MIN(r.idx + 0) FROM ledger_records r
WHERE r.station = :station AND r.kind = 'decision' AND r.label IN ('ok', 'ng', 'review')
  AND r.at >= :begin AND r.at < :end
