"""Regions of evidence: found, measured, named by type, and taken by rules."""
