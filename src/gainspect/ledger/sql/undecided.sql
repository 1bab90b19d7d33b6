SELECT d.idx, d.key FROM ledger_records d
WHERE d.kind = 'decision' AND d.label = :label
  AND d.idx >= :first AND d.idx < (SELECT size FROM ledger_head)
  AND (CAST(:station AS TEXT) IS NULL OR d.station = CAST(:station AS TEXT))
  AND NOT EXISTS (SELECT 1 FROM ledger_records a WHERE a.about = d.key AND a.kind IN ('confirm', 'override'))
ORDER BY d.idx LIMIT :count
