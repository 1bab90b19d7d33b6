"""The description of a bundle: where it comes from, and how it processes images."""

from collections.abc import Sequence
from datetime import UTC, datetime

import gainspect
from gainspect.config import DataConfig
from gainspect.data.depth import Depth
from gainspect.data.framing import PADDING
from gainspect.data.manifest import SPLITS, Manifest
from gainspect.data.splits import divided_anew
from gainspect.inspection.bundle import SCHEMA_VERSION, Description, Format, Graph, Preprocessing
from gainspect.models.graph import InspectionGraph
from gainspect.policy import Policy
from gainspect.release.formats.graph_files import FILES
from gainspect.training.run_folder import RunFolder


def describe(
    name: str,
    run: RunFolder,
    manifest: Manifest,
    graph: InspectionGraph,
    policy: Policy,
    formats: Sequence[Format],
) -> Description:
    """Describe the bundle of a finished run.

    Args:
        name: the name of the bundle.
        run: the run folder.
        manifest: all parts of the run.
        graph: the inspection graph of its model.
        policy: the policy chosen on its validation part.
        formats: the formats that the bundle will contain.
    """
    config, result, environment = run.config(), run.result(), run.environment()
    return Description(
        schema_version=SCHEMA_VERSION,
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        gainspect=gainspect.__version__,
        strategy=config.strategy,
        preprocessing=_preprocessing(config.data, run.reading().depth),
        graph=Graph(outputs=graph.outputs, evidence_bias=graph.model.bias_margin().item()),
        policy=policy,
        formats={format_: FILES[format_] for format_ in formats},
        training={
            "config": config.model_dump(mode="json"),
            "environment": {key: value for key, value in environment.items() if key != "data"},
            "epoch": result["epoch"],
            "validation": result["validation"],
            "seconds": result["seconds"],
        },
        data={
            "fingerprint": environment["data"]["fingerprint"],
            "images": {split: len(manifest.split(split).parts) for split in SPLITS},
            "marking": environment["data"].get("marking", {}),
            "ng": {split: int(manifest.split(split).labels.sum()) for split in SPLITS},
            **({"divided_anew": True} if divided_anew(manifest) else {}),
        },
        files={},
    )


def _preprocessing(seen: DataConfig, depth: Depth | None) -> Preprocessing:
    return Preprocessing(
        size=seen.input_size,
        padding=PADDING,
        tile=seen.tile,
        overlap=0.0 if seen.tiling is None else seen.overlap,
        bits=None if depth is None else depth.bits,
        darkest=0 if depth is None else depth.darkest,
    )
