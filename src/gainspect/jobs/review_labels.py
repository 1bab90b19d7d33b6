"""Write the page on which a person reviews labels that a network disputes which was not trained on them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import SPLITS, Manifest, Part
from gainspect.data.masks import Marks
from gainspect.errors import GainspectError
from gainspect.evaluation.disagreements import Disagreement, Disagreements, disagreements
from gainspect.evaluation.truth import Truth, truth_of
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.labeled_data import data_of_run
from gainspect.metrics.cam import energy_inside
from gainspect.names import escaped
from gainspect.policy import Policy
from gainspect.report.html.review_page import (
    DisputedImage,
    ReviewedRun,
    disputed_pictures,
    write_review_page,
)
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.texts import Wording
from gainspect.training.device import device_at_hand
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import last_average, trained_backend, validated
from gainspect.types import Image, Verdict


class Reviewed(NamedTuple):
    """What a page shows."""

    found: Disagreements
    shown: int
    data: Path
    """The folder of its data, in which the images have the names that the page gives them."""


def review_labels(
    target: Path,
    out: Path,
    *,
    most: int,
    language: str = "en",
    data: Path | None = None,
    choices: Choices | None = None,
    console: Console | None = None,
) -> Reviewed:
    """Find the disputed labels and masks by the stored verdicts, and write the page.

    The verdicts are those of the validation part, or out of fold; the test part is never judged. They hold no
    maps, so that images that are shown are judged once more, each by the network that judged it before.

    Args:
        target: a run folder.
        out: HTML file to write.
        most: images to show, the most doubtful first.
        language: "en" or "ko".
        data: the data folder, or the labels of a tool that the run was trained on, if they have moved.
        choices: see `data_of_run`.
        console: where progress is shown; None: nowhere.

    Raises:
        GainspectError: the run has not ended, its data have changed or are missing, its verdicts are of other
            images, or the page cannot be written.
    """
    wording, run = Wording(language), RunFolder(target)
    result = run.result()
    data = data_of_run(run, data, choices, console=console)
    manifest, verdicts, policy = run.manifest(data), validated(run, data), run.policy()
    by_split = {split: manifest.split(split).parts for split in SPLITS}
    # Out of fold, what the last network was trained on was judged by others.
    judged_once = by_split["val"] + (by_split["train"] if run.config().training.folds is not None else ())
    known = {manifest.key(part): part for part in judged_once}
    if any(verdict.image not in known for verdict in verdicts.images):
        raise GainspectError(
            "the stored verdicts are of images that the run was not validated on",
            where=run.validation_file,
            hint="Delete the file; it will be computed again.",
        )
    found = disagreements(verdicts, policy)
    networks = _Networks(run, manifest, policy)
    masks = found.masks if found.labels < most else ()
    with image_bar("Judging again", len(masks) + min(most, len(found.found)), console) as on_image:
        if masks:
            judged = _judged(networks, known, masks, on_image)
            found = found.measured({one.verdict.image: _inside(seen) for one, seen in judged})
        shown = found.found[:most]
        pictured = {
            one.verdict.image: _disputed(one, seen, policy)
            for one, seen in _judged(networks, known, shown, on_image)
        }
    told = ReviewedRun(
        name=escaped(target.resolve().name),
        key=f"{run.data_record().fingerprint[:16]}-{policy.policy_id[:8]}-{result.get('epoch', 0)}",
        folds=None if verdicts.carried is None else verdicts.carried.folds,
        training=len(manifest.parts) - len(by_split["test"]) - len(verdicts.images),
        test=len(by_split["test"]),
        policy=policy,
    )
    write_review_page([pictured[one.verdict.image] for one in shown], found, told, out, wording)
    return Reviewed(found, len(shown), manifest.root)


class _Seen(NamedTuple):
    """One image, with the verdict of a network that was not trained on it."""

    part: Part
    image: Image
    marks: Marks | None
    truth: Truth | None
    verdict: Verdict


@dataclass(frozen=True)
class _Networks:
    """The networks of a run, each for what it was not trained on."""

    run: RunFolder
    manifest: Manifest
    policy: Policy

    def inspector(self, fold: int | None) -> Inspector:
        """That of a fold, as it judged its held-out part; or that of the run."""
        device = device_at_hand()
        if fold is None:
            backend = trained_backend(self.run, device)
        else:
            backend = last_average(self.run.fold(fold), device=device)
        return Inspector(backend, threshold=self.policy.threshold, tiling=self.run.config().data.tiling)


def _judged(
    networks: _Networks,
    known: Mapping[str, Part],
    disputed: Sequence[Disagreement],
    on_image: Callable[[], None],
) -> Iterator[tuple[Disagreement, _Seen]]:
    """Judge again, one network after the other, one image after the other."""
    manifest = networks.manifest
    by_fold: dict[int | None, list[Disagreement]] = defaultdict(list)
    for one in disputed:
        by_fold[one.verdict.fold].append(one)
    for fold, those in by_fold.items():
        inspector = networks.inspector(fold)
        for one in those:
            part = known[one.verdict.image]
            image = manifest.image(part)
            (verdict,) = inspector.judge([image])
            marks, truth = manifest.marks(part, image.shape), truth_of(manifest, part, image.shape)
            yield one, _Seen(part, image, marks, truth, verdict)
            on_image()


def _inside(seen: _Seen) -> float:
    """The share of the evidence inside the mask, where pixels count."""
    truth = seen.truth
    assert truth is not None  # its evidence peaked outside what is marked
    return energy_inside(truth.counted(seen.verdict.evidence.evidence), truth.counted(truth.mask))


def _disputed(one: Disagreement, seen: _Seen, policy: Policy) -> DisputedImage:
    return DisputedImage(
        disagreement=one,
        defect_type=seen.part.defect_type,
        pictures=disputed_pictures(seen.image, seen.marks, seen.verdict, one.says, policy.heat_scale()),
        masked=seen.part.mask is not None,
    )
