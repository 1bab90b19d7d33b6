r.at < :end
