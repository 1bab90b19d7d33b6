"""Layouts that import as they are."""
