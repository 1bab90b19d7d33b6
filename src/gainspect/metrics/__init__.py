"""Metrics as pure functions of NumPy arrays; training and evaluation use the same functions."""
