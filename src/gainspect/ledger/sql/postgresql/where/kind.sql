r.kind = :kind
