CREATE TABLE ledger_head (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    origin    TEXT NOT NULL,
    size      BIGINT NOT NULL,
    frontier  BYTEA NOT NULL,
    recorded  TEXT
);

CREATE TABLE ledger_records (
    idx       BIGINT PRIMARY KEY,
    key       TEXT NOT NULL UNIQUE,
    content   BYTEA NOT NULL,
    nodes     BYTEA NOT NULL,
    recorded  TEXT COLLATE "C" NOT NULL,
    kind      TEXT NOT NULL,
    at        TEXT COLLATE "C" NOT NULL,
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
    sha256    TEXT COLLATE "C" NOT NULL,
    idx       BIGINT NOT NULL,
    removed   INTEGER NOT NULL,
    PRIMARY KEY (sha256, idx)
);

CREATE INDEX ledger_pictures_idx ON ledger_pictures (idx);

CREATE TABLE ledger_people (
    actor     TEXT PRIMARY KEY,
    name      TEXT NOT NULL
);

-- A guard against mistakes, not against whoever may change the tables: that is what anchors show.
CREATE FUNCTION ledger_records_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'records are never changed or deleted';
END $$;

CREATE TRIGGER ledger_records_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_records
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_records_are_kept();
