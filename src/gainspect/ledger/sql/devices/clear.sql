DELETE FROM ledger_devices
