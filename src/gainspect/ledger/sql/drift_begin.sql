-- The last place at a station after which a watch begins anew: an acknowledgment, or a decision of another bundle;
-- not one on a part of a challenge.
SELECT MAX(r.idx) FROM ledger_records r
WHERE r.station = :station AND r.idx < :end
  AND (r.kind = 'drift_acknowledged'
       OR (r.kind = 'decision' AND r.label <> 'challenge' AND r.bundle <> (
           SELECT d.bundle FROM ledger_records d
           WHERE d.station = :station AND d.kind = 'decision' AND d.label <> 'challenge' AND d.idx < :end
           ORDER BY d.idx DESC LIMIT 1)))
