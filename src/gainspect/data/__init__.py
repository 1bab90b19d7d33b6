"""Data: manifests, splits, preprocessing, augmentation, checks and synthetic parts."""
