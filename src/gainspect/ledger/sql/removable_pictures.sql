-- Pictures that are kept, and that no decision still needs: all that name them are old, have one of the labels,
-- and, with :spare_touched, nobody has touched. The last row of a picture tells whether it is kept.
SELECT p.sha256, MAX(p.idx)
FROM ledger_pictures p
JOIN ledger_records r ON r.idx = p.idx
GROUP BY p.sha256
HAVING MAX(CASE WHEN p.removed = 0 THEN p.idx ELSE -1 END) > MAX(CASE WHEN p.removed = 1 THEN p.idx ELSE -1 END)
   AND MIN(CASE WHEN p.removed = 1 THEN 1
                WHEN r.recorded >= :before THEN 0
                WHEN CAST(:labels AS TEXT) NOT LIKE '%,' || r.label || ',%' THEN 0
                WHEN CAST(:spare_touched AS INTEGER) = 1
                     AND EXISTS (SELECT 1 FROM ledger_records a WHERE a.about = r.key) THEN 0
                ELSE 1 END) = 1
ORDER BY MIN(p.idx), p.sha256
