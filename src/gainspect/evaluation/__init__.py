"""Evaluation of many parts with the Inspector: assessments, summaries and comparisons, without torch."""
