"""Loading of images and masks for training: reading, augmentation, transplants. Needs torch."""
