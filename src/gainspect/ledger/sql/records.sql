SELECT idx, content FROM ledger_records WHERE idx >= :first AND idx < :end ORDER BY idx LIMIT :count
