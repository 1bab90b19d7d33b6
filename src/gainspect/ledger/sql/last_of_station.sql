SELECT content FROM ledger_records
WHERE station = :station AND kind = :kind AND idx >= 0 AND idx < (SELECT size FROM ledger_head)
ORDER BY idx DESC LIMIT 1
