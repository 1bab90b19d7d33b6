"""The inspection graph in the formats that a bundle holds."""
