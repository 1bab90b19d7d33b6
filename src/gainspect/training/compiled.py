"""torch.compile where it pays: the backbone in training. The small heads gain nothing by it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch._dynamo.exc import BackendCompilerFailed

from gainspect.errors import GainspectError
from gainspect.models.gain_mtl import GainMTL


def compile_backbone(model: GainMTL) -> None:
    """Compile at the first step; copies of the model are not compiled."""
    torch.compiler.reset()  # what other runs of this process left would use up its cache
    model.backbone.compile()


@contextmanager
def compiler_errors() -> Iterator[None]:
    """A compiler that fails, or is not there, in words.

    Raises:
        GainspectError: it is, inside the block or the decorated function.
    """
    try:
        yield
    except BackendCompilerFailed as error:
        raise GainspectError(
            f"the backbone cannot be compiled ({str(error).splitlines()[0]})",
            where="training.compile",
            hint="Install a C++ compiler (g++), or train with `--set training.compile=false`.",
        ) from error
