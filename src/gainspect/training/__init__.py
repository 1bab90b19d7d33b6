"""Training: the staged multi-task training of one strategy, and its run folder."""
