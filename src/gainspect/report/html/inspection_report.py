"""The inspection report, which `gainspect report` writes for one bundle and one part of the data."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

from gainspect.data.good_parts import GoodParts
from gainspect.data.importers.imported_folder import data_name
from gainspect.data.manifest import Manifest
from gainspect.data.marked import Marking
from gainspect.data.repair_regions import with_margin
from gainspect.data.splits import divided_anew
from gainspect.evaluation.accepted import accepted
from gainspect.evaluation.failures import failures
from gainspect.evaluation.operating_facts import OperatingFacts
from gainspect.evaluation.reliance import (
    CELLS,
    Cell,
    Examined,
    Seen,
    assessment_of,
    by_size,
    outcomes,
    quadrant,
    reliance,
)
from gainspect.evaluation.saved_verdicts import judged_by
from gainspect.evaluation.summary import summarize
from gainspect.inspection.bundle import Bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.check import evidence_region
from gainspect.inspection.regions.defect_types import types_of
from gainspect.metrics.classification import precision_recall_points, roc_points
from gainspect.policy import InputPolicy, ReasonPolicy
from gainspect.report.html.operating_panel import panel_values
from gainspect.report.html.page import MAX_BYTES, write_page
from gainspect.report.html.pictures import Picture, pictures_of, within_budget
from gainspect.report.html.plots import curve, shares_with_intervals
from gainspect.report.operating_sentences import named
from gainspect.report.texts import Wording
from gainspect.report.texts.inputs import ranges_in_words
from gainspect.report.texts.judged_by import judged_by_words
from gainspect.types import Label, ReviewReason

_InputRow = tuple[str, str, int, int]
_EXAMPLES = 3
"""Number of example images for each cell of the quadrant."""
_PICTURE_BYTES = 9 * 2**20
"""Largest size of all pictures together, before base64 encoding, which adds a third."""
_TEXT_BYTES = 2 * 2**20
"""Room in the page for what is neither a picture nor a part of the panel."""
_MOST_SEEN = 100
"""At most so many images that the model has seen are named."""
_MOST_PICTURED = 150
"""Of missed defects, and of false alarms, at most so many have pictures: the most confident ones."""
_GOOD_RECALL = 0.9
"""A size class counts as found from this recall on."""


@dataclass
class Album:
    """Collects the pictures that the report shows, image by image while each image is in memory."""

    bundle: Bundle
    good: GoodParts | None = None
    """Good parts that repairs come from."""
    failures: dict[str, list[Picture]] = field(default_factory=dict)
    """By the name of an image: of the most confident wrong verdicts."""
    examples: dict[Cell, list[tuple[Examined, list[Picture]]]] = field(default_factory=dict)
    blind: dict[str, list[list[Picture]]] = field(default_factory=dict)
    """By the name of a part without evidence: the pictures of each of its images."""
    _confident: dict[Label, list[tuple[float, int, str]]] = field(default_factory=dict)
    """By what the part is, a heap of the wrong verdicts with pictures: how confident one is, minus its place
    among them, so that of equals the first one stays, and its image."""
    _places: Iterator[int] = field(default_factory=count)

    def add(self, seen: Seen) -> None:
        """Keep the pictures of an image if its verdict is wrong, or its cell needs another example."""
        part, examined = seen.part, seen.examined
        wrong = examined.assessed.verdict is not part.label and self._among_the_most_confident(examined)
        cell = examined.cell
        examples = [] if cell is None else self.examples.setdefault(cell, [])
        # Good parts that pass show nothing, so the examples of the first cell are caught defects.
        shown = part.label is Label.NG or cell != ("right", "right")
        groups = {other.assessed.group for other, _ in examples}
        wanted = shown and len(examples) < _EXAMPLES and part.group not in groups
        if not (wrong or wanted):
            return
        pictures = self._pictures(seen)
        if wrong:
            self.failures[examined.assessed.image] = pictures
        if wanted:
            examples.append((examined, pictures))

    def _among_the_most_confident(self, examined: Examined) -> bool:
        """Whether a wrong verdict gets pictures, for which those of a less confident one may go."""
        assessed = examined.assessed
        heap = self._confident.setdefault(assessed.label, [])
        confidence = assessed.score if assessed.label is Label.OK else -assessed.score
        entry = confidence, -next(self._places), assessed.image
        if len(heap) < _MOST_PICTURED:
            heapq.heappush(heap, entry)
            return True
        *_, dropped = heapq.heappushpop(heap, entry)
        self.failures.pop(dropped, None)
        return dropped != assessed.image

    def add_blind(self, name: str, seen: Seen) -> None:
        """Keep the first pictures (image with mask, evidence) of an image of a part without evidence."""
        self.blind.setdefault(name, []).append(self._pictures(seen)[:2])

    def _pictures(self, seen: Seen) -> list[Picture]:
        policy, verdict = self.bundle.description.policy, seen.verdict
        region = None if seen.mask is None else with_margin(seen.mask)
        if verdict.check is not None and verdict.check.repaired is not None:
            region = evidence_region(verdict.evidence.evidence, policy.region_threshold)
        fill = "matched" if policy.reason is None else policy.reason.filled_with
        repaired = None if region is None else (region, fill)
        return pictures_of(seen.image, seen.mask, verdict, repaired, self.good, policy.heat_scale())


def write_report(
    out: Path,
    inspector: Inspector,
    manifest: Manifest,
    examined: Sequence[Examined],
    album: Album,
    wording: Wording,
    operating: OperatingFacts,
    doubtful: frozenset[str] = frozenset(),
    seen: Mapping[str, str] | None = None,
    sample_of: int | None = None,
) -> None:
    """Write the report as one HTML file.

    Args:
        out: the file to write.
        inspector: the Inspector that judged the images.
        manifest: the judged images.
        examined: the results, in the manifest's order.
        album: their pictures.
        wording: the texts in the language of the report.
        operating: the parts by which the policy is shown.
        doubtful: images with doubtful labels, by their names in tables.
        seen: the images that the model has seen, by name, with the part they were seen in; None: not known.
        sample_of: of how many images those are a sample; None: they are no sample.

    Raises:
        GainspectError: the report cannot be written, or is too large.
    """
    assessment = assessment_of(inspector, examined)
    description = album.bundle.description
    summary = summarize(assessment, map_thresholds=description.policy.map_thresholds)
    every = failures(examined, doubtful)
    wrong = [failure for failure in every if failure.image.assessed.image in album.failures]
    cells = [(cell, example) for cell in CELLS for example in album.examples.get(cell, [])]
    blind = [(name, pictures) for name, sets in album.blind.items() for pictures in sets]
    table, panel = verdict_table_of(out).name, panel_values(operating, wording, verdict_table_of(out).name)
    room = MAX_BYTES - _TEXT_BYTES - len(panel["panel"]["data"].encode())
    fitted = within_budget(
        [album.failures[f.image.assessed.image] for f in wrong]
        + [pictures for _, (_, pictures) in cells]
        + [pictures for _, pictures in blind],
        min(_PICTURE_BYTES, room * 3 // 4),
    )
    of_cells, of_blind = fitted[len(wrong) :][: len(cells)], fitted[len(wrong) + len(cells) :]
    shown = [(cell, e, pictures) for (cell, (e, _)), pictures in zip(cells, of_cells, strict=True)]
    unpictured = [name for name in operating.blind if name not in album.blind]
    labels, scores = assessment.labels, assessment.scores
    both = bool(labels.any() and not labels.all())
    effects = reliance(examined)
    write_page(
        "inspection.html.j2",
        out,
        wording,
        name=description.name,
        bundle=album.bundle,
        policy=description.policy,
        runtime=f"{inspector.backend.runtime} {inspector.backend.precision}",
        judged_by=judged_by_words(judged_by(inspector), wording),
        divided_anew=divided_anew(manifest),
        tested=data_name(manifest.root),
        tested_on="tested_on_unknown" if seen is None else "tested_on_seen" if seen else "tested_on",
        sampled=None if sample_of is None else wording("sampled", n=len(examined), of=sample_of),
        seen=len(seen or {}),
        seen_named=_seen_named(seen or {}, wording),
        summary=summary,
        clean=summarize(assessment, exclude=doubtful) if doubtful else None,
        numbers=_numbers(examined),
        reliance=effects,
        outcomes=outcomes(examined),
        quadrant=quadrant(examined),
        examples={cell: [(e, pictures) for at, e, pictures in shown if at == cell] for cell in CELLS},
        rules=_rules(album.bundle, examined),
        input_policy=inspector.inputs,
        inputs=_inputs(inspector.inputs, examined, wording),
        rules_caption=_rules_caption(description.policy.reason),
        accepted=_accepted(inspector, examined),
        types=types_of(album.bundle),
        marking={split: Marking(**counts) for split, counts in description.data.get("marking", {}).items()},
        plots={
            "roc": _roc(wording, assessment.scores, labels, summary) if both else "",
            "pr": _pr(wording, scores, labels, summary) if both else "",
            "sizes": _sizes(wording, examined),
        },
        size_sentence=size_sentence(wording, by_size(examined)),
        failures=[(f, pictures) for f, pictures in zip(wrong, fitted, strict=False)],
        further=len(every) - len(wrong),
        most_pictured=_MOST_PICTURED,
        table=table,
        blind=[(name, pictures) for (name, _), pictures in zip(blind, of_blind, strict=True)],
        unpictured=named(unpictured, wording),
        **panel,
        causes=[cause for cause, _ in Counter(f.cause.value for f in wrong).most_common()],
    )


def verdict_table_of(report: Path) -> Path:
    """The CSV file beside a report that has every verdict."""
    return report.with_name(f"{report.stem}.csv")


def _seen_named(seen: Mapping[str, str], wording: Wording) -> str:
    """The first images that the model has seen, each with the part of the data it was seen in."""
    first = [f"{image} ({wording(f'seen_in_{part}')})" for image, part in islice(seen.items(), _MOST_SEEN)]
    text = ", ".join(first)
    return wording("op_and_more", names=text, more=len(seen) - len(first)) if len(seen) > len(first) else text


def _numbers(examined: Sequence[Examined]) -> dict[str, int]:
    """Counts for the sentences of the summary."""
    ng = [e for e in examined if e.assessed.label is Label.NG]
    ok = [e for e in examined if e.assessed.label is Label.OK]
    caught = [e for e in ng if e.assessed.verdict is Label.NG]
    return {
        "ng": len(ng),
        "ok": len(ok),
        "caught": len(caught),
        "missed": len(ng) - len(caught),
        "passed": sum(e.assessed.verdict is Label.OK for e in ok),
        "caught_marked": sum(e.points_at_defect is not None for e in caught),
        "pointed": sum(bool(e.points_at_defect) for e in caught),
        "review": sum(e.label is Label.REVIEW for e in examined),
        "review_false": sum(_by_check(e) for e in ok),
        "review_caught": sum(_by_check(e) for e in ng),
        "unlike": sum(bool(e.unlike) for e in examined),
        "unlike_ng": sum(bool(e.unlike) for e in ng),
        "borderline": sum(e.borderline for e in examined),
        "borderline_ng": sum(e.borderline for e in ng),
        "unchecked": sum(e.unchecked for e in examined),
    }


def _accepted(inspector: Inspector, examined: Sequence[Examined]) -> dict[str, Any] | None:
    """What rules on regions accepted, for the sentence of the summary; None without such rules."""
    if inspector.regions is None or inspector.regions.rules is None:
        return None
    images = [e.assessed for e in examined]
    found = accepted((image.accepted, image.ok_by_rules, image.label is Label.NG) for image in images)
    named = ", ".join(f"{name} {count}" for name, count in found.by_rule.items())
    return {**found._asdict(), "rules": named or "–"}


def _by_check(e: Examined) -> bool:
    """Whether the check of its reason made REVIEW of NG."""
    return e.label is Label.REVIEW and e.assessed.verdict is Label.NG


def _inputs(inputs: InputPolicy | None, examined: Sequence[Examined], wording: Wording) -> list[_InputRow]:
    """Name, usual range, and number of OK and of NG images outside, of each figure that is looked at."""
    if inputs is None:
        return []
    outside = Counter((unlike.name, e.assessed.label) for e in examined for unlike in e.unlike)
    return [
        (*words, outside[name, Label.OK], outside[name, Label.NG])
        for name, words in ranges_in_words(inputs, wording).items()
    ]


def _rules(bundle: Bundle, examined: Sequence[Examined]) -> list[tuple[str, float | None, int]]:
    """Name, limit (None: the rule needs none) and number of hits of each rule that is applied."""
    reason = bundle.description.policy.reason
    if reason is None:
        return []
    limits = {
        ReviewReason.REPAIR_KEEPS_SCORE: reason.min_drop,
        ReviewReason.CONTROL_LOWERS_SCORE: reason.max_control_drop,
        ReviewReason.MAPS_DISAGREE: reason.min_agreement,
        ReviewReason.UNCHECKED: None,
    }
    return [
        (str(rule), limit, sum(rule in e.review_reasons for e in examined))
        for rule, limit in limits.items()
        if limit is not None or rule is ReviewReason.UNCHECKED
    ]


def _rules_caption(reason: ReasonPolicy | None) -> str:
    """The key of the text that says where the limits come from, and how far those reasons are known."""
    if reason is None or reason.marked is None:
        return "rules_caption_old"
    if reason.marked == reason.verdicts:
        return "rules_caption"
    return "rules_caption_some" if reason.marked else "rules_caption_none"


def _roc(wording: Wording, scores: Any, labels: Any, summary: Mapping[str, Any]) -> str:
    point = summary["classification"]["operating"]
    marked = (point["false_alarm_rate"]["value"], point["recall"]["value"])
    return curve(roc_points(scores, labels), marked, wording("roc_x"), wording("roc_y"), wording("roc"))


def _pr(wording: Wording, scores: Any, labels: Any, summary: Mapping[str, Any]) -> str:
    point = summary["classification"]["operating"]
    precision = point["precision"]["value"]
    marked = None if precision is None else (point["recall"]["value"], precision)
    points = precision_recall_points(scores, labels)
    return curve(points, marked, wording("pr_x"), wording("pr_y"), wording("pr"))


def _sizes(wording: Wording, examined: Sequence[Examined]) -> str:
    rows = [
        (_size_name(row), row["recall"]["value"], row["recall"]["interval"], row["n"])
        for row in by_size(examined)
    ]
    labels = (wording("size_x"), wording("size_y"), wording("by_size"))
    return shares_with_intervals(rows, *labels) if rows else ""


def _size_name(row: Mapping[str, Any]) -> str:
    if row["from"] == 0:
        return f"< {row['to']:.0f}"
    return f"≥ {row['from']:.0f}" if row["to"] == float("inf") else f"{row['from']:.0f}–{row['to']:.0f}"


def size_sentence(wording: Wording, rows: Sequence[Mapping[str, Any]]) -> str:
    """From which size on at least 90 % are caught in every size class, or in which classes they are.

    Args:
        wording: the language.
        rows: what `by_size` gives.
    """
    if not rows:
        return wording("size_unknown")
    found = len(rows)
    while found and rows[found - 1]["recall"]["value"] >= _GOOD_RECALL:
        found -= 1
    if found == len(rows):
        good = [_size_name(row) for row in rows if row["recall"]["value"] >= _GOOD_RECALL]
        return wording("size_some", classes=", ".join(good)) if good else wording("size_none")
    return wording("size_sentence", low=rows[found]["from"]) if found else wording("size_all")
