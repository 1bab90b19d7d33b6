r.idx IN (
    SELECT o.idx FROM ledger_records o WHERE o.part = :part
    UNION ALL
    -- What people did to a decision has no part of its own.
    SELECT a.idx FROM ledger_records d JOIN ledger_records a ON a.about = d.key WHERE d.part = :part
)
