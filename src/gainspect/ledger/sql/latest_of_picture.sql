-- Of rows that stand for a record of the ledger which can say that; whoever asks holds it against that record.
SELECT p.idx, p.removed FROM ledger_pictures p JOIN ledger_records r ON r.idx = p.idx
WHERE p.sha256 = :sha256
  AND r.idx >= 0 AND r.idx < (SELECT size FROM ledger_head)
  AND r.kind = CASE p.removed WHEN 1 THEN 'pictures_removed' ELSE 'decision' END
ORDER BY p.idx DESC LIMIT 1
