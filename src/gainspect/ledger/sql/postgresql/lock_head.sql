SELECT size FROM ledger_head FOR UPDATE
