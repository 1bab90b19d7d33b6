"""Metrics as pure functions of NumPy arrays; training and evaluation call the same ones."""
