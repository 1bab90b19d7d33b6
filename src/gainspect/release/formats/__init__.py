"""Export of the inspection graph to the formats of a bundle."""
