r.bundle COLLATE "C" >= :bundle AND r.bundle COLLATE "C" < :bundle_end
