"""The check of a verdict's reason: repair the evidence, repair as much elsewhere, compare the scores."""
