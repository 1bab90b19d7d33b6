r.idx IN (
    SELECT o.idx FROM ledger_records o WHERE o.lot = :lot
    UNION ALL
    -- What people did to a decision has no lot of its own.
    SELECT a.idx FROM ledger_records d JOIN ledger_records a ON a.about = d.key WHERE d.lot = :lot
)
