(r.idx > :after_idx OR r.at > :after_at)
