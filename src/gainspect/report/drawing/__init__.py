"""Pictures: evidence on one calibrated scale."""
