CREATE TABLE ledger_head (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    origin    TEXT NOT NULL,
    size      INTEGER NOT NULL,
    frontier  BLOB NOT NULL,
    recorded  TEXT
);

CREATE TABLE ledger_records (
    idx       INTEGER PRIMARY KEY,
    key       TEXT NOT NULL UNIQUE,
    content   BLOB NOT NULL,
    nodes     BLOB NOT NULL,
    recorded  TEXT NOT NULL,
    kind      TEXT NOT NULL,
    at        TEXT NOT NULL,
    station   TEXT NOT NULL,
    actor     TEXT,
    part      TEXT,
    lot       TEXT,
    label     TEXT,
    bundle    TEXT,
    policy_id TEXT,
    about     TEXT
);

CREATE INDEX ledger_records_recorded ON ledger_records (recorded);
CREATE INDEX ledger_records_part ON ledger_records (part) WHERE part IS NOT NULL;
CREATE INDEX ledger_records_about ON ledger_records (about) WHERE about IS NOT NULL;

CREATE TABLE ledger_pictures (
    sha256    TEXT NOT NULL,
    idx       INTEGER NOT NULL,
    removed   INTEGER NOT NULL,
    PRIMARY KEY (sha256, idx)
) WITHOUT ROWID;

CREATE INDEX ledger_pictures_idx ON ledger_pictures (idx);

CREATE TABLE ledger_people (
    actor     TEXT PRIMARY KEY,
    name      TEXT NOT NULL
);

-- A guard against mistakes, not against whoever may change the tables: that is what anchors show.
CREATE TRIGGER ledger_records_no_update BEFORE UPDATE ON ledger_records
BEGIN
    SELECT RAISE(ABORT, 'records are never changed');
END;

CREATE TRIGGER ledger_records_no_delete BEFORE DELETE ON ledger_records
BEGIN
    SELECT RAISE(ABORT, 'records are never deleted');
END;
