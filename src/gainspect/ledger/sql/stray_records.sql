SELECT MIN(idx), MAX(idx), COUNT(*) FROM ledger_records WHERE idx < :first OR idx >= :end
