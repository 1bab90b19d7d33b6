-- Each half by an index: an OR of the two would read all decisions of the station.
r.idx IN (
    SELECT o.idx FROM ledger_records o WHERE o.idx > :after_idx
    UNION
    SELECT o.idx FROM ledger_records o WHERE o.at > :after_at
)
