"""Write the page on which a person reviews labels that a network disputes which was not trained on them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.evaluation.disagreements import Disagreement, Disagreements, disagreements
from gainspect.inspection.inspector import Inspector
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


class Reviewed(NamedTuple):
    """What a page shows."""

    found: Disagreements
    shown: int


def review_labels(
    target: Path,
    out: Path,
    *,
    most: int,
    language: str = "en",
    data: Path | None = None,
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
        data: the data folder, if it has moved.
        console: where progress is shown; None: nowhere.

    Raises:
        GainspectError: the run has not ended, its data have changed or are missing, its verdicts are of other
            images, or the page cannot be written.
    """
    wording, run = Wording(language), RunFolder(target)
    result = run.result()
    manifest, verdicts, policy = run.manifest(data), validated(run, data), run.policy()
    known = {manifest.key(part): part for part in manifest.parts if part.split != "test"}
    if any(verdict.image not in known for verdict in verdicts.images):
        raise GainspectError(
            "the stored verdicts are of images that the run was not validated on",
            where=run.validation_file,
            hint="Delete the file; it will be computed again.",
        )
    found = disagreements(verdicts, policy)
    shown = found.found[:most]
    with image_bar("Judging again", len(shown), console) as on_image:
        images = _judged_again(run, manifest, known, shown, policy, on_image)
    told = ReviewedRun(
        name=target.resolve().name,
        key=f"{run.data_record().fingerprint[:16]}-{policy.policy_id[:8]}-{result.get('epoch', 0)}",
        folds=None if verdicts.carried is None else verdicts.carried.folds,
        training=len(known) - len(verdicts.images),
        test=len(manifest.parts) - len(known),
        policy=policy,
    )
    write_review_page(images, found, told, out, wording)
    return Reviewed(found, len(shown))


def _judged_again(
    run: RunFolder,
    manifest: Manifest,
    known: dict[str, Part],
    shown: Sequence[Disagreement],
    policy: Policy,
    on_image: Callable[[], None],
) -> list[DisputedImage]:
    """What is shown, in its order; one network after the other, one image after the other."""
    by_network: dict[int | None, list[int]] = defaultdict(list)
    for place, one in enumerate(shown):
        by_network[one.verdict.fold].append(place)
    done: dict[int, DisputedImage] = {}
    for fold, places in by_network.items():
        inspector = _inspector(run, fold, policy)
        for place in places:
            one = shown[place]
            done[place] = _disputed(manifest, known[one.verdict.image], one, inspector, policy)
            on_image()
    return [done[place] for place in range(len(shown))]


def _inspector(run: RunFolder, fold: int | None, policy: Policy) -> Inspector:
    """That of a fold, as it judged its held-out part; or that of the run."""
    device = device_at_hand()
    backend = trained_backend(run, device) if fold is None else last_average(run.fold(fold), device=device)
    return Inspector(backend, threshold=policy.threshold, tiling=run.config().data.tiling)


def _disputed(
    manifest: Manifest, part: Part, one: Disagreement, inspector: Inspector, policy: Policy
) -> DisputedImage:
    image = manifest.image(part)
    marks = manifest.marks(part, image.shape)
    (verdict,) = inspector.judge([image])
    return DisputedImage(
        disagreement=one,
        defect_type=part.defect_type,
        pictures=disputed_pictures(image, marks, verdict, policy.heat_scale()),
        masked=marks is not None and bool(marks.defect.any()),
    )
