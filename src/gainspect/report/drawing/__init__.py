"""Pictures of the evidence, on one calibrated color scale."""
