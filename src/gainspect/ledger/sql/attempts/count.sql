INSERT INTO ledger_attempts (origin, failures, last) VALUES (:origin, 1, :now)
ON CONFLICT (origin) DO UPDATE SET failures = ledger_attempts.failures + 1, last = :now
