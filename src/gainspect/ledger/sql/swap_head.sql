-- Compare and swap: nothing is changed if the head is not the one that was read.
UPDATE ledger_head
SET size = :size, frontier = :frontier, recorded = :recorded
WHERE size = :old_size AND frontier = :old_frontier
