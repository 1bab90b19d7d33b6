SELECT content FROM ledger_records
WHERE kind = 'pictures_removed' AND idx >= 0 AND idx < (SELECT size FROM ledger_head)
ORDER BY idx DESC LIMIT 1
