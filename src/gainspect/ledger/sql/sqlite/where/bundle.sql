r.bundle >= :bundle AND r.bundle < :bundle_end
