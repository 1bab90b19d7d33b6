"""A new policy for an existing bundle; its network stays as it is."""

import json
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import Manifest
from gainspect.data.seen import SEEN, SeenImages
from gainspect.errors import GainspectError
from gainspect.evaluation.chosen_on import CHOSEN_ON, ChosenOn, chosen_content, chosen_on, chosen_on_of
from gainspect.evaluation.goals import POINT, Goal, OperatingPoint, content_of, point_of
from gainspect.evaluation.operating_point import choose_policy, operating_point, usual_goal
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    read_validation_verdicts,
    validation_verdicts,
)
from gainspect.files import require_new
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import PARITY, Bundle, good_parts_of, read_bundle, seen_of, write_bundle
from gainspect.inspection.regions.defect_types import require_types, types_of
from gainspect.jobs.judged_data import data_for
from gainspect.jobs.labeled_data import briefly_prepared
from gainspect.policy import Policy
from gainspect.region_rules import RegionRules
from gainspect.release.model_card import CARD, model_card
from gainspect.report.terminal.image_bar import image_bar
from gainspect.training.run_folder import RunFolder
from gainspect.wording import plural

CALIBRATION = "calibration"
"""What the data of a calibration are called in a policy."""


class Calibration(NamedTuple):
    """A policy for a bundle, not yet written."""

    bundle: Bundle
    policy: Policy
    point: OperatingPoint | None
    parts: ChosenOn | None
    """None: the thresholds are those of the bundle, and an older version wrote it."""
    seen: SeenImages | None
    """The images that the bundle has seen, if this adds some to them; None: as the bundle says."""


def calibrate(
    path: Path,
    goal: Goal | None,
    *,
    run: Path | None = None,
    data: Path | None = None,
    check: bool = True,
    rules: RegionRules | None = None,
    without_rules: bool = False,
    choices: Choices | None = None,
    console: Console | None = None,
) -> Calibration:
    """Choose a policy for a bundle on its run's stored verdicts, or on data that it judges now.

    Thresholds are chosen by the scores and the checks of reasons, whatever the rules on regions. With neither
    `run` nor `data` only these rules change.

    Args:
        path: the bundle.
        goal: what the policy is chosen for; None: the least cost.
        run: the run that the bundle was exported from.
        data: labeled data (folder, manifest, or the labels of a tool), of which every part counts, in place
            of a run; they count as seen afterwards.
        check: whether the policy checks the reason of NG verdicts.
        rules: rules on regions; None: those that the bundle has.
        without_rules: whether to take these away.
        choices: what the labels of a tool do not say; None: nothing.
        console: where progress is shown; None: no progress is shown.

    Raises:
        GainspectError: neither or both of `run` and `data` are given, the run is not that of the bundle, the
            network was trained on some of the data, the verdicts cannot carry the goal, or the rules are on
            types of defects that the bundle does not tell apart well enough.
    """
    bundle = read_bundle(path)
    ruled = None if without_rules else rules or bundle.description.policy.region_rules
    if rules is not None:
        require_types(rules, bundle)
    if (rules is not None or without_rules) and run is None and data is None and goal is None and check:
        changed = bundle.description.policy.model_copy(update={"region_rules": ruled})
        return Calibration(bundle, changed, point_of(bundle), chosen_on_of(bundle), None)
    if (run is None) == (data is None):
        raise GainspectError(
            "a policy is chosen on the verdicts of a run, or on labeled data",
            where=path,
            hint="Give either --run RUN or --data DIR.",
        )
    seen = None
    if data is not None:
        before = seen_of(bundle)
        with briefly_prepared(data, choices, console=console) as folder:
            manifest = data_for(bundle, folder)
            _require_not_trained_on(before, manifest)
            verdicts = _judged(bundle, manifest, console)
            # Without a list of before there is none: one of only these would pass for the whole.
            seen = None if before is None else before.and_those_of(manifest)
    else:
        assert run is not None
        verdicts = _of_run(bundle, RunFolder(run))
    if "distance" not in bundle.description.graph.outputs:
        verdicts = verdicts.without_distances()
    goal = goal or usual_goal(verdicts, None)
    policy = choose_policy(verdicts, goal, check=check).model_copy(update={"region_rules": ruled})
    if policy.inputs is None:  # too few OK images to fit ranges anew
        policy = policy.model_copy(update={"inputs": bundle.description.policy.inputs})
    point = operating_point(verdicts, policy, goal)
    return Calibration(bundle, policy, point, chosen_on(verdicts, policy), seen)


def write_calibrated(calibration: Calibration, out: Path) -> Bundle:
    """Write a bundle with the new policy; everything else but its model card stays as it is, bit for bit.

    Raises:
        GainspectError: the file exists, or cannot be written.
    """
    require_new(out)
    bundle = calibration.bundle
    description = bundle.description.model_copy(update={"policy": calibration.policy})
    contents = dict(bundle.contents)
    if calibration.point is not None:
        contents[POINT] = content_of(calibration.point)
    if calibration.parts is not None:
        contents[CHOSEN_ON] = chosen_content(calibration.parts)
    if calibration.seen is not None:
        contents[SEEN] = calibration.seen.to_json()
    if PARITY in contents:
        parity = json.loads(contents[PARITY])
        contents[CARD] = model_card(description, parity, calibration.point, types_of(bundle)).encode()
    return write_bundle(out, description, contents)


def _require_not_trained_on(seen: SeenImages | None, manifest: Manifest) -> None:
    """Refuse images whose scores flatter the network."""
    found = {} if seen is None else seen.among(manifest)
    trained = [name for name, split in found.items() if split == "train"]
    if trained:
        raise GainspectError(
            f"the network was trained on {len(trained)} of {plural(len(manifest.parts), 'image')}, "
            f"{trained[0]} among them",
            where=manifest.root,
            hint="Take them out: a network knows them too well to be given thresholds by them.",
        )


def _judged(bundle: Bundle, manifest: Manifest, console: Console | None) -> ValidationVerdicts:
    preprocessing, policy = bundle.description.preprocessing, bundle.description.policy
    backend = open_backend(bundle, "auto", "f32", None)
    with image_bar("judge and check reasons", len(manifest.parts), console) as advance:
        found = validation_verdicts(
            backend,
            manifest,
            preprocessing.tiling,
            advance,
            kept=policy,
            padding=preprocessing.padding,
            good=good_parts_of(bundle),
        )
    return found.model_copy(update={"split": CALIBRATION})


def _of_run(bundle: Bundle, run: RunFolder) -> ValidationVerdicts:
    """The stored verdicts of the run that a bundle comes from."""
    result, told = run.result(), bundle.description
    same_data = run.environment()["data"]["fingerprint"] == told.data["fingerprint"]
    if not same_data or result["validation"] != told.training["validation"]:
        raise GainspectError(
            "the bundle was not exported from this run", where=run.path, hint="Give its own run, or --data."
        )
    if not run.validation_file.is_file():
        raise GainspectError(
            "the run has no stored verdicts of its validation part",
            where=run.path,
            hint="`gainspect export` judges it and stores them.",
        )
    return read_validation_verdicts(run.validation_file)
