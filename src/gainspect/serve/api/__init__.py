"""The addresses for machines, and for the pages' own scripts: JSON under /v1."""
