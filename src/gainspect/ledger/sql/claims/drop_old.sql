DELETE FROM ledger_claims WHERE until <= :now AND decision <> :decision
