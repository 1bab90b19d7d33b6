r.at >= :begin
