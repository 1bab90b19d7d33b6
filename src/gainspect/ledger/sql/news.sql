SELECT idx, kind, station, key, about FROM ledger_records
WHERE idx >= :first AND idx < (SELECT size FROM ledger_head)
ORDER BY idx LIMIT :count
