"""The figures of an assessment with their 95 % intervals, as JSON types.

A figure is `{"value", "n", "interval", "interval_by_group"}`, computed from n images. The first interval
treats images as independent (exact for proportions, otherwise bootstrap); the second resamples whole groups.
Undefined values are None.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gainspect.evaluation.assessment import MAP_THRESHOLDS, UNCLAMPED, Assessed, Assessment, map_names
from gainspect.evaluation.parts import DecidedPart, counted, part_labels, part_scores, parts_of
from gainspect.metrics import localization
from gainspect.metrics.classification import at_threshold, auroc, average_precision
from gainspect.metrics.decisions import Costs, expected_cost
from gainspect.metrics.intervals import (
    Statistic,
    clopper_pearson,
    group_bootstraps,
    mean_by_group,
    means_by_group,
    same_resamples,
    upper_bound,
    weighted_auroc,
    weighted_average_precision,
    weighted_ratio,
)
from gainspect.policy import Rules, View, decide
from gainspect.types import Decision, Label, MapName

Figure = dict[str, Any]
_Intervals = TypeVar("_Intervals")

MAP_FIGURES = ("cam_iou", "pointing_game", "energy_inside")
_OF_BOXES = ("pointing_game", "energy_inside")
"""Those that boxes and strokes can support."""


def summarize(
    assessment: Assessment,
    *,
    exclude: frozenset[str] = frozenset(),
    map_thresholds: Mapping[MapName, float] | None = None,
) -> dict[str, Any]:
    """All figures of one assessment.

    Args:
        assessment: the assessment of one part of the data.
        exclude: images to leave out (doubtful labels), by their names in tables.
        map_thresholds: fixed thresholds on the maps, chosen from `MAP_THRESHOLDS` on the validation part;
            a map with a threshold also gets `fixed_iou`.

    Returns:
        images (counts), classification (operating, half, ranking), right_reason_rate, maps (by map name),
        localization (None if the model has none, or no defect is marked), defect_types and defect_sizes (a
        row for each third). Where the model looks is told of outlines; of boxes and strokes, if there are
        any, apart: other_masks, by kind.
    """
    kept = assessment.without(exclude)
    images = kept.images
    outlined = [image for image in images if image.counts_where]
    others = _other_masks(images)
    return {
        "images": _counts(kept, left_out=len(assessment.images) - len(images)),
        "classification": {
            "operating": _classification(kept, assessment.threshold, "the inspector's operating threshold"),
            "half": _classification(kept, 0.5, "0.5, for comparison"),
            "ranking": _ranking(kept),
        },
        "right_reason_rate": share_figure(kept.reasons),
        "maps": {
            name: _map_quality(outlined, name, (map_thresholds or {}).get(name))
            for name in map_names(outlined)
        },
        "localization": _localization(outlined),
        "defect_types": _defect_types(images),
        "defect_sizes": _defect_sizes(images),
        **({"other_masks": others} if others else {}),
    }


def _other_masks(images: Sequence[Assessed]) -> dict[str, dict[str, Any]]:
    """Of NG images whose mask is a box or strokes: how well the evidence meets it, by kind.

    A row has n, right_reason_rate, pointing_game and energy_inside; how far a map reaches is not compared.
    """
    kinds = dict.fromkeys(image.mask_kind for image in images if not image.counts_where)
    table = {}
    for kind in kinds:
        chosen = [image for image in images if image.mask_kind == kind and image.right_reason is not None]
        table[str(kind)] = {
            "n": len(chosen),
            "right_reason_rate": share_figure([(image, bool(image.right_reason)) for image in chosen]),
            **_means(chosen, {name: f"evidence_{name}" for name in _OF_BOXES}),
        }
    return table


def _counts(assessment: Assessment, left_out: int) -> dict[str, int]:
    labels = assessment.labels
    return {
        "n": len(labels),
        "ok": int((~labels).sum()),
        "ng": int(labels.sum()),
        "ng_without_mask": sum(image.right_reason is None for image in assessment.images),
        "groups": len({image.group for image in assessment.images}),
        "left_out": left_out,
    }


def part_decisions(assessment: Assessment, rules: Rules) -> list[tuple[DecidedPart[Assessed], Decision]]:
    """The decision on each part, by what was assessed of its images."""
    return [
        (part, decide([image.view or View(image.score) for image in part.images], rules))
        for part in parts_of(assessment.images)
    ]


def decision_figures(
    assessment: Assessment, rules: Rules, costs: Costs, prevalence: float | None = None
) -> dict[str, Any]:
    """What was decided of each part, what it costs, and what it proves of escapes.

    Args:
        assessment: of images that the policy was not chosen on.
        rules: the policy.
        costs: of one part.
        prevalence: share of NG parts that the cost is told for; None: as in the assessment.

    Returns:
        The counts of `metrics.decisions.Outcome` by name; effectiveness (share of the parts that are decided
        as they are); auroc and ap of the parts' scores; prevalence, cost and cost_at_1_percent (per 1,000
        parts); groups and escaped_groups (independent NG parts, and those of which one escapes), escape_bound
        (95 %). None for what takes parts of a class that is missing.
    """
    made = part_decisions(assessment, rules)
    parts = [part for part, _ in made]
    labels, scores = part_labels(parts), part_scores(parts, rules.views)
    found, groups, escaped = counted(parts, [decision for _, decision in made])
    share = prevalence or (float(labels.mean()) if len(labels) else 0.0)
    return {
        **found._asdict(),
        "effectiveness": found.effectiveness,
        "auroc": auroc(scores, labels),
        "ap": average_precision(scores, labels),
        "prevalence": share,
        "cost": expected_cost(found, costs, share),
        "cost_at_1_percent": expected_cost(found, costs, 0.01),
        "groups": groups,
        "escaped_groups": escaped,
        "escape_bound": upper_bound(escaped, groups),
    }


def _classification(assessment: Assessment, threshold: float, origin: str) -> dict[str, Any]:
    """Figures at a threshold: proportions of images, and F1."""
    images, labels = assessment.images, assessment.labels
    called = assessment.scores >= threshold
    every = np.ones_like(labels)
    twice = 2.0 * (called & labels)
    f1 = at_threshold(assessment.scores, labels, threshold)["f1"]
    return {
        "threshold": threshold,
        "origin": origin,
        "recall": _proportion(images, called & labels, labels),
        "precision": _proportion(images, called & labels, called),
        "false_alarm_rate": _proportion(images, called & ~labels, ~labels),
        "accuracy": _proportion(images, called == labels, every),
        **_figures({"f1": f1}, images, [weighted_ratio(twice, called.astype(np.float64) + labels)]),
    }


def _ranking(assessment: Assessment) -> dict[str, Figure]:
    """Figures that need no threshold."""
    scores, labels, images = assessment.scores, assessment.labels, assessment.images
    values = {"auroc": auroc(scores, labels), "ap": average_precision(scores, labels)}
    statistics = (weighted_auroc(scores, labels), weighted_average_precision(scores, labels))
    return _figures(values, images, statistics)


def _map_quality(images: Sequence[Assessed], name: MapName, threshold: float | None) -> dict[str, Any]:
    """The quality of one map, over the NG images with a mask."""
    quality: dict[str, Any] = _map_means(images, name)
    if name == "evidence" and any(UNCLAMPED in image.figures for image in images):
        quality["cam_iou_unclamped"] = _mean(images, UNCLAMPED)
    if threshold is not None:
        place = MAP_THRESHOLDS.index(threshold)
        marked = [image for image in images if name in image.curves]
        values = np.array([image.curves[name][place] for image in marked])
        quality |= {"fixed_iou": mean_figure(marked, values), "fixed_threshold": threshold}
    return quality


def _localization(images: Sequence[Assessed]) -> dict[str, Any] | None:
    """Localization figures: mean over the NG images with a mask, and pooled over these and all OK images."""
    known = [image for image in images if image.overlap is not None]
    if not any(image.label is Label.NG for image in known):
        return None
    total = localization.pooled(image.overlap for image in known if image.overlap is not None)
    return {
        **_means(images, {"iou": "localization_iou", "dice": "localization_dice"}),
        "pooled_iou": localization.pooled_iou(total),
        "pooled_dice": localization.pooled_dice(total),
        "aupro": localization.aupro(total),
        "aupro_limit": 0.3,
    }


def _defect_types(images: Sequence[Assessed]) -> dict[str, dict[str, Any]]:
    """For each type of defect: how many are caught, and how good the evidence is."""
    defective = [image for image in images if image.label is Label.NG]
    types = sorted({image.defect_type or "unnamed" for image in defective})
    table = {}
    for kind in types:
        of_kind = [image for image in defective if (image.defect_type or "unnamed") == kind]
        outlined = [image for image in of_kind if image.counts_where]
        table[kind] = {
            "n": len(of_kind),
            "groups": len({image.group for image in of_kind}),
            "recall": share_figure([(image, image.verdict is Label.NG) for image in of_kind]),
            "right_reason_rate": share_figure(
                [(image, image.right_reason) for image in outlined if image.right_reason is not None]
            ),
            **_map_means(outlined, "evidence"),
        }
    return table


def _defect_sizes(images: Sequence[Assessed]) -> list[dict[str, Any]]:
    """For each third of the marked defects by size, smallest first: how many are caught, and how well placed.

    A row has from and to (the smallest and the largest of its defects, pixels across after resizing), n,
    groups, recall, pointing_game (of the evidence) and localization_iou. Defects of the same size are in the
    same third, so thirds can differ in number, and one can be missing.
    """
    marked = [(image, image.defect_px) for image in images if image.defect_px is not None]
    if not marked:
        return []
    sizes = np.array([px for _, px in marked])
    third = np.searchsorted(np.quantile(sizes, [1 / 3, 2 / 3]), sizes)
    rows = []
    for index in np.unique(third):
        chosen = [image for (image, _), of in zip(marked, third, strict=True) if of == index]
        outlined = [image for image in chosen if image.counts_where]
        rows.append(
            {
                "from": float(sizes[third == index].min()),
                "to": float(sizes[third == index].max()),
                "n": len(chosen),
                "groups": len({image.group for image in chosen}),
                "recall": share_figure([(image, image.verdict is Label.NG) for image in chosen]),
                "pointing_game": _mean(outlined, "evidence_pointing_game"),
                "localization_iou": _mean(outlined, "localization_iou"),
            }
        )
    return rows


def share_figure(outcomes: Sequence[tuple[Assessed, bool]]) -> Figure:
    """Share of the images whose outcome is True."""
    hits = np.array([outcome for _, outcome in outcomes], np.bool_)
    return _proportion([image for image, _ in outcomes], hits, np.ones_like(hits))


def _proportion(images: Sequence[Assessed], hits: NDArray[np.bool_], trials: NDArray[np.bool_]) -> Figure:
    """Share of the trials that are hits; the interval by image is exact."""
    count, total = int(hits.sum()), int(trials.sum())
    groups = [image.group for image, counts in zip(images, trials, strict=True) if counts]
    return {
        "value": count / total if total else None,
        "n": total,
        "interval": clopper_pearson(count, total) if total else None,
        "interval_by_group": mean_by_group(hits[trials].astype(np.float64), groups),
    }


def _map_means(images: Sequence[Assessed], name: MapName) -> dict[str, Figure]:
    """The MAP_FIGURES of one map, over the images that have them."""
    return _means(images, {figure: f"{name}_{figure}" for figure in MAP_FIGURES})


def _mean(images: Sequence[Assessed], name: str) -> Figure:
    """Mean of a per-image figure over the images that have it."""
    return _means(images, {name: name})[name]


def _means(images: Sequence[Assessed], names: Mapping[str, str]) -> dict[str, Figure]:
    """Means of per-image figures that the same images have; `names` maps the name of a mean to that."""
    having = [image for image in images if all(name in image.figures for name in names.values())]
    values = [np.array([image.figures[name] for image in having]) for name in names.values()]
    return dict(zip(names, _mean_figures(having, values), strict=True))


def mean_figure(images: Sequence[Assessed], values: NDArray[np.float64], *, least: float = 0.0) -> Figure:
    """Mean of (N,) values in `least`…1 of N images, with intervals by image and by group."""
    return _mean_figures(images, [values], least)[0]


def _mean_figures(
    images: Sequence[Assessed], values: Sequence[NDArray[np.float64]], least: float = 0.0
) -> list[Figure]:
    """As `mean_figure`, for several values of the same images."""
    both = _by_image_and_by_group(lambda groups: means_by_group(values, groups, least=least), images)
    return [
        {
            "value": float(each.mean()) if len(each) else None,
            "n": len(each),
            "interval": by_image,
            "interval_by_group": by_group,
        }
        for each, by_image, by_group in zip(values, *both, strict=True)
    ]


def _figures(
    values: Mapping[str, float | None], images: Sequence[Assessed], statistics: Sequence[Statistic]
) -> dict[str, Figure]:
    """Figures that are not means; both intervals are computed by bootstrap, of all figures together."""
    both = _by_image_and_by_group(lambda groups: group_bootstraps(statistics, groups), images)
    return {
        name: {
            "value": value,
            "n": len(images),
            "interval": None if value is None else by_image,
            "interval_by_group": None if value is None else by_group,
        }
        for (name, value), by_image, by_group in zip(values.items(), *both, strict=True)
    }


def _by_image_and_by_group(
    intervals: Callable[[Sequence[str]], _Intervals], images: Sequence[Assessed]
) -> tuple[_Intervals, _Intervals]:
    """Intervals by image and by group; computed once where both give the same resamples."""
    names, groups = [image.image for image in images], [image.group for image in images]
    by_image = intervals(names)
    return by_image, by_image if same_resamples(names, groups) else intervals(groups)
