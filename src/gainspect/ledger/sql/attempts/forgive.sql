UPDATE ledger_attempts SET failures = failures - 1 WHERE origin = :origin AND failures > 0
