SELECT content FROM ledger_records
WHERE about = :key AND kind IN ('confirm', 'override', 'region_correction')
  AND idx >= 0 AND idx < (SELECT size FROM ledger_head)
ORDER BY idx
