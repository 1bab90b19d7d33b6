SELECT origin FROM ledger_head
