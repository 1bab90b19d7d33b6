-- Many say that: SQLite takes another index first, if there is one.
likely(r.label = :label)
