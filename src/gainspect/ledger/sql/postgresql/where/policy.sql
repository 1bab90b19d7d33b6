r.policy_id COLLATE "C" >= :policy AND r.policy_id COLLATE "C" < :policy_end
