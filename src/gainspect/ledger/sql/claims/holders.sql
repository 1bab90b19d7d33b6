SELECT decision, actor FROM ledger_claims WHERE until > :now
