"""What is written down of an inspection, and how it goes on from there."""
