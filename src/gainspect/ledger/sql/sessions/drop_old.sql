DELETE FROM ledger_sessions WHERE begun <= :begun OR used <= :used
