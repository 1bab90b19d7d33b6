"""torch.compile where it pays off: for the backbone in training. The small heads gain nothing from it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch._dynamo.exc import BackendCompilerFailed

from gainspect.errors import GainspectError
from gainspect.models.gain_mtl import GainMTL


def compile_backbone(model: GainMTL) -> None:
    """Compile the backbone at the first step; copies of the model are not compiled."""
    torch.compiler.reset()  # compiled code of other runs in this process would use up the cache
    model.backbone.compile()


@contextmanager
def compiler_errors() -> Iterator[None]:
    """Report a compiler that fails or is missing as a `GainspectError`.

    Raises:
        GainspectError: the compiler failed inside the block or the decorated function.
    """
    try:
        yield
    except BackendCompilerFailed as error:
        raise GainspectError(
            f"the backbone cannot be compiled ({str(error).splitlines()[0]})",
            where="training.compile",
            hint="Install a C++ compiler (g++), or train with `--set training.compile=false`.",
        ) from error
