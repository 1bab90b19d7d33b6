"""Judging many parts through the Inspector: records, summaries, comparisons. No torch."""
