"""The reason check: repair the evidence, repair an equal area elsewhere, and compare the scores."""
