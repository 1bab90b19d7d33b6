SELECT size, frontier, recorded FROM ledger_head
