-- What "since when?" asks for is in these indexes: their rows need not be read.
CREATE INDEX ledger_records_lot ON ledger_records (lot) WHERE lot IS NOT NULL;
CREATE INDEX ledger_records_station ON ledger_records (station, kind, label, at);
CREATE INDEX ledger_records_bundle ON ledger_records (bundle COLLATE "C", kind, label) WHERE bundle IS NOT NULL;
CREATE INDEX ledger_records_policy ON ledger_records (policy_id COLLATE "C", kind, label) WHERE policy_id IS NOT NULL;
CREATE INDEX ledger_records_at ON ledger_records (at);
CREATE INDEX ledger_records_kind ON ledger_records (kind, label);
