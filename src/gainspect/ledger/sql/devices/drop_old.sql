DELETE FROM ledger_devices WHERE used <= :before
