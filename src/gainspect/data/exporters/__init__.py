"""Writes a manifest with its images and masks as others read them: COCO, or the folder layout."""
