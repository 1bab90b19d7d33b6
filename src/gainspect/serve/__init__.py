"""The service on the line: inspections over HTTP, each answered when its record is durable."""
