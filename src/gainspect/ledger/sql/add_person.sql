INSERT INTO ledger_people (actor, name) VALUES (:actor, :name) ON CONFLICT DO NOTHING
