-- Each index ends with the place: the newest of a station are read from its end.
CREATE INDEX ledger_records_newest ON ledger_records (station, kind);
