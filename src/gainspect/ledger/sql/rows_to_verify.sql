SELECT idx, content, nodes, key, recorded, kind, at, station, actor, part, lot, label, bundle, policy_id, about
FROM ledger_records
WHERE idx >= :first AND idx < :end
ORDER BY idx
LIMIT :count
