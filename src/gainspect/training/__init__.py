"""Training: the staged, multi-task run of one strategy, and its run folder."""
