r.policy_id >= :policy AND r.policy_id < :policy_end
