"""Images and masks on their way into a training: read, augmented, transplanted. With torch."""
