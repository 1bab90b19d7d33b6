"""The parts that a report examines, as its operating panel needs them."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from gainspect.data.defect_size import SMALL_DEFECT
from gainspect.data.manifest import Manifest
from gainspect.evaluation.judged_parts import ViewedImage
from gainspect.evaluation.reliance import Examined, Seen
from gainspect.inspection.inspector import Inspector, view_of
from gainspect.inspection.reason.check import check_reasons
from gainspect.inspection.reason.rules import review_reasons
from gainspect.types import Label, ReviewReason


def viewed_image(seen: Seen, inspector: Inspector, manifest: Manifest) -> ViewedImage:
    """What the decision on a part needs of one of its images.

    Its reason is checked here if the Inspector did not, because its score is below the threshold: other
    thresholds will ask. This costs 1 + `ReasonPolicy.controls` forward passes, and none without evidence.

    Args:
        seen: the image, examined by this Inspector.
        inspector: a policy without a check finds nothing.
        manifest: the data that the image is of.
    """
    part = seen.part
    return ViewedImage(
        image=manifest.key(part),
        part=part.part or None,
        group=part.group,
        label=part.label,
        view=view_of(seen.verdict)._replace(doubts=_doubts(seen, inspector)),
    )


def _doubts(seen: Seen, inspector: Inspector) -> tuple[ReviewReason, ...]:
    verdict, reason, threshold = seen.verdict, inspector.reason, inspector.region_threshold
    if reason is None or threshold is None:
        return ()
    if verdict.check is not None:
        return review_reasons(verdict.check, verdict.evidence, reason)
    as_ng = replace(verdict, label=Label.NG)
    (checked,) = check_reasons([seen.image], [as_ng], inspector.scores, reason, threshold, inspector.good)
    return checked.review_reasons


def parts_with(images: Iterable[ViewedImage], chosen: Collection[str]) -> frozenset[str]:
    """The names of the parts of which an image is chosen, by its name."""
    return frozenset(image.part or image.image for image in images if image.image in chosen)


def parts_with_small_defects(images: Iterable[ViewedImage], examined: Iterable[Examined]) -> frozenset[str]:
    """The names of the parts whose marked defects are all less than `SMALL_DEFECT` pixels across."""
    across = {e.assessed.image: e.defect_px for e in examined if e.defect_px is not None}
    widest: dict[str, float] = {}
    for image in images:
        if image.image in across:
            name = image.part or image.image
            widest[name] = max(across[image.image], widest.get(name, 0.0))
    return frozenset(name for name, px in widest.items() if px < SMALL_DEFECT)
