CREATE INDEX ledger_records_newest ON ledger_records (station, kind, idx);
CREATE INDEX ledger_records_waiting ON ledger_records (kind, label, idx);
