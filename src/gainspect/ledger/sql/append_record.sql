INSERT INTO ledger_records
    (idx, key, content, nodes, recorded, kind, at, station, actor, part, lot, label, bundle, policy_id, about)
VALUES
    (:idx, :key, :content, :nodes, :recorded,
     :kind, :at, :station, :actor, :part, :lot, :label, :bundle, :policy_id, :about)
