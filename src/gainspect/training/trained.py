"""The model that a run has trained, ready to inspect in torch."""

from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.models.gain_mtl import model_of
from gainspect.training.checkpoint import load_state
from gainspect.training.device import device_at_hand
from gainspect.training.run_folder import RunFolder


def trained_backend(run: RunFolder, device: str = "cpu") -> TorchBackend:
    """The model of the best checkpoint, which exists before the training has ended."""
    config = run.config()
    model = model_of(config)
    model.load_state_dict(load_state(run.best_checkpoint)["model"])
    return TorchBackend(model.to(device).eval(), config.data.input_size, device)


def trained_inspector(run: RunFolder) -> Inspector:
    """The Inspector of the trained model, at the run's operating threshold, on the device at hand."""
    threshold = run.result()["operating_point"]["threshold"]
    tiling = run.config().data.tiling
    return Inspector(trained_backend(run, device_at_hand()), threshold=threshold, tiling=tiling)
