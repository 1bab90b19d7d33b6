"""A run becomes a bundle: its formats, the proof that they agree with what was trained, its model card."""
