-- Rows that are there already stay, for an audit to name them.
ALTER TABLE ledger_records ADD CONSTRAINT ledger_records_never_negative CHECK (idx >= 0) NOT VALID;
