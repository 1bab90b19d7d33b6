r.idx >= 0
