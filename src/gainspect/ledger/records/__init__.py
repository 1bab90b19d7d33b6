"""What a ledger records: a typed model for each kind of record, and what it becomes when it is appended."""
