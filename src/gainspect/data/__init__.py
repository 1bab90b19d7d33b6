"""Data: manifests, splits, preprocessing, augmentation, data checks and synthetic parts."""
