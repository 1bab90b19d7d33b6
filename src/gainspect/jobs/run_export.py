"""A trained run → a bundle whose every format is proven equal to what was trained."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from gainspect.data.synthetic import probe_frames
from gainspect.evaluation.operating_point import choose_policy
from gainspect.inspection.bundle import GOLDEN, Bundle, write_bundle
from gainspect.inspection.parity import pack_golden, run_frames
from gainspect.names import escaped
from gainspect.release.certificate import certify_int8, compare_formats
from gainspect.release.description import describe
from gainspect.release.formats.files import chosen_formats, graph_files
from gainspect.release.model_card import CARD, model_card
from gainspect.release.sample import frames_of, sample_of
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_backend, validated
from gainspect.wording import plural

PARITY = "parity.json"
_SAMPLE = 32
"""Validation images in the parity sample."""
_GOLDEN = 4
"""Validation images in the golden answers."""
_CALIBRATION = 128
"""Validation images that INT8 is calibrated on, at most."""


def export_run(
    run: RunFolder,
    out: Path,
    *,
    formats: Sequence[str] = ("onnx", "torch"),
    target_recall: float | None = None,
    threshold: float | None = None,
    data: Path | None = None,
    check: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
) -> tuple[Bundle, dict[str, Any]]:
    """Write a bundle: graphs, policy, golden answers, parity of every format with the torch model.

    Args:
        run: an ended training.
        out: the bundle to write, usually NAME.gain.
        formats: of `FORMATS`; "onnx" is always there.
        target_recall: what the threshold is chosen for on the validation part; the run's own by default.
        threshold: on P(NG), chosen by hand instead.
        data: the data folder, if it has moved since the training.
        check: whether the policy has the reason of NG verdicts checked.
        on_step: told what comes next.

    Returns:
        The bundle, and its parity.

    Raises:
        GainspectError: unknown format, no NG images to choose a threshold on, a format that says other than
            the torch model, or INT8 that loses more than `INT8_MARGIN`.
    """
    chosen = chosen_formats(formats)
    seen, manifest = run.config().data, run.manifest(data)
    validation = manifest.split("val")
    reference = trained_backend(run)
    if not run.validation_file.is_file():
        on_step(f"judge {plural(len(validation.parts), 'validation image')} and check the reasons")
    policy = choose_policy(
        validated(run, data),
        target_recall=target_recall or run.config().training.target_recall,
        threshold=threshold,
        check=check,
    )
    on_step("export the graph")
    contents = graph_files(
        reference.graph, chosen, seen.input_size, lambda: frames_of(sample_of(validation, _CALIBRATION), seen)
    )
    sample = {
        "probes": probe_frames(seen.input_size),
        "validation": frames_of(sample_of(validation, _SAMPLE), seen),
    }
    golden = np.concatenate([sample["probes"], frames_of(sample_of(validation, _GOLDEN), seen)])
    contents[GOLDEN] = pack_golden(golden, run_frames(reference, golden))
    description = describe(escaped(out.stem), run, manifest, reference.graph, policy, chosen)
    bundle = Bundle(out, description, "", contents)
    parity = compare_formats(bundle, reference, sample, on_step)
    if "openvino-int8" in chosen:
        on_step("judge the validation part in INT8")
        parity["int8"] = certify_int8(bundle, reference, validation)
    contents[PARITY] = (json.dumps(parity, indent=2) + "\n").encode()
    contents[CARD] = model_card(description, parity).encode()
    return write_bundle(out, description, contents), parity


def bundle_of(run: RunFolder, data: Path | None = None, console: Console | None = None) -> Path:
    """The bundle that a run ended with; one that has none gets it.

    Raises:
        GainspectError: as `export_run`.
    """
    if not run.bundle_file.exists():
        with (console or Console(quiet=True)).status("export") as status:
            export_run(run, run.bundle_file, data=data, on_step=status.update)
    return run.bundle_file
