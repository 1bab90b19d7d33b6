"""anomalib's SuperSimpleNet on our backbone, exported by anomalib itself: a peer for `latency.py`."""

import warnings
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

from gainspect.models.backbone import Backbone
from peer_networks import MiddleStages

if TYPE_CHECKING:
    from anomalib.deploy import OpenVINOInferencer


def export(folder: Path, backbone: str, size: int) -> Path:
    """Write it for OpenVINO, with random weights and anomalib's own preprocessing; the path of its .xml."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of anomalib's own imports and of the export
        from anomalib.models import Supersimplenet
        from anomalib.models.image.supersimplenet import torch_model

        with patch.object(torch_model, "TimmFeatureExtractor", MiddleStages):
            model = Supersimplenet(
                backbone=Backbone(backbone),  # where anomalib takes a name, of weights from a hub
                supervised=True,
                pre_processor=Supersimplenet.configure_pre_processor((size, size)),
                evaluator=False,
                visualizer=False,
            )
        return Path(model.to_openvino(folder))


def inferencer(path: Path) -> "OpenVINOInferencer":
    """What anomalib runs it with, in float32 and for the least latency, as gainspect does."""
    with warnings.catch_warnings(), TemporaryDirectory() as cache, chdir(cache):  # it caches where it stands
        warnings.simplefilter("ignore")
        from anomalib.deploy import OpenVINOInferencer

        return OpenVINOInferencer(
            path, device="CPU", config={"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        )
