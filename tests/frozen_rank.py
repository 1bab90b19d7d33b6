"""A training in which BatchNorm keeps its statistics; run as a script, a rank of one that follows."""

from torch.nn.modules.batchnorm import _BatchNorm

from gainspect.jobs.training_ranks import main

NEVER_TRAINING = property(lambda module: False, lambda module, mode: None)
"""In place of `_BatchNorm.training`."""

if __name__ == "__main__":
    _BatchNorm.training = NEVER_TRAINING  # type: ignore[assignment]
    main()
