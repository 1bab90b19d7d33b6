"""Images by their names: files, URIs of anything that fsspec reads, rows of Parquet tables."""
