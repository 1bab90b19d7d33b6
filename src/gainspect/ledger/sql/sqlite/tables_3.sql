-- Rows that are there already stay, for an audit to name them.
CREATE TRIGGER ledger_records_no_negative BEFORE INSERT ON ledger_records WHEN NEW.idx < 0
BEGIN
    SELECT RAISE(ABORT, 'the first record has the place 0: never a negative one');
END;
