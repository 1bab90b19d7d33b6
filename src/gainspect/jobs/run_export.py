"""Export a trained run to a bundle; every format in it is tested against the trained model."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from gainspect.data.seen import SEEN
from gainspect.data.synthetic import probe_frames
from gainspect.evaluation.chosen_on import CHOSEN_ON, chosen_content, chosen_on
from gainspect.evaluation.fit_types import fit_types
from gainspect.evaluation.goals import POINT, Goal, content_of
from gainspect.evaluation.operating_point import choose_policy, operating_point, usual_goal
from gainspect.inspection.bundle import GOLDEN, GOOD_PARTS, PARITY, Bundle, write_bundle
from gainspect.inspection.parity import pack_golden, run_frames
from gainspect.inspection.regions.defect_types import TYPES, content_of_types
from gainspect.names import escaped
from gainspect.release.certificate import certify_int8, compare_formats
from gainspect.release.description import describe
from gainspect.release.formats.graph_files import chosen_formats, graph_files
from gainspect.release.model_card import CARD, model_card
from gainspect.release.sample import frames_of, sample_of
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import seen_by, trained_backend, validated
from gainspect.wording import plural

_SAMPLE = 32
"""Validation images in the parity sample."""
_GOLDEN = 4
"""Validation images among the golden predictions."""
_CALIBRATION = 128
"""Largest number of validation images that INT8 is calibrated on."""


def export_run(
    run: RunFolder,
    out: Path,
    *,
    formats: Sequence[str] = ("onnx", "torch"),
    goal: Goal | None = None,
    data: Path | None = None,
    check: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
) -> tuple[Bundle, dict[str, Any]]:
    """Write a bundle: graphs, policy, golden predictions, and the parity of each format with the torch model.

    Args:
        run: a finished training run.
        out: the bundle to write, usually NAME.gain.
        formats: names from `FORMATS`; "onnx" is always included.
        goal: what the policy is chosen for; None: as in the training.
        data: the data folder, if it has moved since the training.
        check: whether the policy checks the reason of NG verdicts.
        on_step: called with a description of each step before it starts.

    Returns:
        The bundle, and the content of its parity.json.

    Raises:
        GainspectError: a format is unknown, the verdicts cannot carry the goal, a format differs from the
            torch model, or INT8 loses more than `INT8_MARGIN`.
    """
    chosen = chosen_formats(formats)
    seen, manifest = run.config().data, run.manifest(data)
    # With folds there is no validation part: frames of the training part serve as samples.
    validation = manifest.split("val" if manifest.split("val").parts else "train")
    if not run.validation_file.is_file() and run.config().training.folds is None:
        on_step(f"judge {plural(len(validation.parts), 'validation image')} and check the reasons")
    elif not run.familiar_file.is_file():
        on_step("look at OK images of the training and at the validation images")
    verdicts = validated(run, data)
    reference = trained_backend(run)
    goal = goal or usual_goal(verdicts, run.config().training.target_recall)
    policy = choose_policy(verdicts, goal, check=check)
    point = operating_point(verdicts, policy, goal)
    on_step("export the graph")
    contents = graph_files(
        reference.graph,
        chosen,
        seen.input_size,
        lambda: frames_of(validation, sample_of(validation, _CALIBRATION), seen),
    )
    sample = {
        "probes": probe_frames(seen.input_size),
        "validation": frames_of(validation, sample_of(validation, _SAMPLE), seen),
    }
    golden = np.concatenate([sample["probes"], frames_of(validation, sample_of(validation, _GOLDEN), seen)])
    if policy.reason is not None and policy.reason.good_parts:
        contents[GOOD_PARTS] = run.good_parts_file.read_bytes()
    contents[GOLDEN] = pack_golden(golden, run_frames(reference, golden))
    description = describe(escaped(out.stem), run, manifest, reference.graph, policy, chosen)
    bundle = Bundle(out, description, "", contents)
    parity = compare_formats(bundle, reference, sample, on_step)
    if "openvino-int8" in chosen:
        on_step("judge the validation part in INT8")
        parity["int8"] = certify_int8(bundle, reference, validation)
    types = fit_types(reference, manifest, policy, seen.tiling, on_step)
    contents[TYPES] = content_of_types(types)
    contents[SEEN] = seen_by(run, data).to_json()
    contents[PARITY] = (json.dumps(parity, indent=2) + "\n").encode()
    contents[POINT] = content_of(point)
    contents[CHOSEN_ON] = chosen_content(chosen_on(verdicts, policy))
    contents[CARD] = model_card(description, parity, point, types).encode()
    return write_bundle(out, description, contents), parity


def bundle_of(run: RunFolder, data: Path | None = None, console: Console | None = None) -> Path:
    """The path of a run's bundle, which is created if the run has none.

    Raises:
        GainspectError: see `export_run`.
    """
    if not run.bundle_file.exists():
        with (console or Console(quiet=True)).status("export") as status:
            export_run(run, run.bundle_file, data=data, on_step=status.update)
    return run.bundle_file
