-- In order of their places: neither condition is one of an index, which would be read whole for each page.
SELECT idx, content FROM ledger_records
WHERE idx >= :first AND idx < :end
  AND station || '' = :station
  AND kind || '' IN ('decision', 'drift_acknowledged')
ORDER BY idx
LIMIT :count
