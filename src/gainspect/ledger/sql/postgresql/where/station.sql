r.station = :station
