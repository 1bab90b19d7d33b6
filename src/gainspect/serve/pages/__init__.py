"""The pages that people look at, rendered here, with small scripts that work without a network."""
