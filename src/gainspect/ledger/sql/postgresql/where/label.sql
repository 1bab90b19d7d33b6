r.label = :label
