DELETE FROM ledger_claims
