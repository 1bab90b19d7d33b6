"""A small inspection over a fake backend, with every kind of verdict, for the tests of reports."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np

from gainspect.data.manifest import Manifest, Part
from gainspect.evaluation.chosen_on import ChosenOn
from gainspect.evaluation.examined_parts import parts_with, parts_with_small_defects, viewed_image
from gainspect.evaluation.goals import LeastCost, OperatingPoint
from gainspect.evaluation.judged_parts import ViewedImage, judged_parts
from gainspect.evaluation.operating_facts import OperatingFacts
from gainspect.evaluation.reliance import Examined, examine
from gainspect.inspection.bundle import Bundle, Description, Graph, Preprocessing
from gainspect.inspection.inspector import Inspector
from gainspect.metrics.decisions import Outcome
from gainspect.policy import HeatScale, InputPolicy, Policy, ReasonPolicy
from gainspect.report.html.inspection_report import Album, write_report
from gainspect.report.texts import Wording
from gainspect.types import Label, MaskKind

SIZE = 96


class Spots:
    """P(NG) grows with the darkest spot; its evidence is darkness, its localization too."""

    runtime, precision, size = "fake", "f32", SIZE

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        grey = images.astype(np.float32).mean(axis=3)
        dark = np.clip((150 - grey) / 150, 0, 1)
        score = np.clip(np.sort(dark.reshape(len(dark), -1))[:, -9], 0.01, 0.99)
        return {"score": score, "evidence": dark, "attention": dark, "localization": dark}


def parts(root: Path) -> Manifest:
    """Twelve NG parts with spots from faint to dark, and twelve OK ones, two of them with a dark spot."""
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    rng = np.random.default_rng(0)
    for index in range(24):
        label = Label.NG if index % 2 else Label.OK
        image = np.clip(rng.normal(170, 4, (SIZE, SIZE)), 0, 255).astype(np.uint8)
        mask = np.zeros_like(image)
        y, x = (int(v) for v in rng.integers(8, SIZE - 24, 2))
        side = 4 + index // 2
        if label is Label.NG:
            mask[y : y + side, x : x + side] = 255
            image[mask > 0] = 140 - 5 * index
            cv2.imwrite(str(root / f"mask{index}.png"), mask)
        elif index in {4, 8}:
            image[y : y + 8, x : x + 8] = 40
        cv2.imwrite(str(root / f"part{index}.png"), image)
        spot = root / f"mask{index}.png" if label is Label.NG else None
        kind = ("pit", "scratch")[index % 4 == 3] if label is Label.NG else None
        rows.append(Part(root / f"part{index}.png", label, spot, group=f"g{index // 2}", defect_type=kind))
    return Manifest(root, tuple(rows))


def bundle() -> Bundle:
    """What the fake backend would be loaded from."""
    policy = Policy(
        threshold=0.5,
        target_recall=0.9,
        split="val",
        ng=10,
        ok=20,
        region_threshold=0.3,
        heat=HeatScale(cold=0.2, hot=0.8),
        reason=ReasonPolicy(
            min_drop=0.2, max_control_drop=0.3, min_agreement=0.5, split="val", verdicts=9, marked=9
        ),
    )
    description = Description(
        schema_version=1,
        name="spots",
        created="2026-01-01T00:00:00+00:00",
        gainspect="0.1.0",
        strategy="S9",
        preprocessing=Preprocessing(size=SIZE, padding=128),
        graph=Graph(outputs=(), evidence_bias=0),
        policy=policy,
        formats={},
        training={"config": {"model": {"backbone": "fake"}}, "epoch": 3, "seconds": 90},
        data={"fingerprint": "abc", "images": {"train": 5}, "ng": {"train": 2}},
        files={},
    )
    return Bundle(Path("spots.gain"), description, "0" * 64, {})


def point_with_floor(floor: float) -> OperatingPoint:
    """What a policy gave on ten parts, none of which matter here; with this floor."""
    return OperatingPoint(
        goal=LeastCost(miss=30, prevalence=0.02),
        split="val",
        counted=Outcome(4, 0, 0, 0, 0, 6),
        prevalence=0.02,
        cost=0.0,
        cost_at_1_percent=0.0,
        floor=floor,
        blind=(),
        price=None,
        groups=4,
        escaped_groups=0,
        escape_bound=0.527,
        needed=((0.05, 59), (0.01, 299)),
        unusable=None,
    )


def small_report(
    folder: Path,
    language: str,
    *,
    masks: bool = True,
    review_from: float | None = None,
    point: OperatingPoint | None = None,
    inputs: InputPolicy | None = None,
    kinds: Sequence[MaskKind | None] = (None,),
) -> Path:
    """Write a whole report of these parts, with their masks or without, and with what the policy gave.

    NG parts have masks of these kinds in turn.
    """
    policy = bundle().description.policy
    inspector = Inspector(
        Spots(),
        threshold=0.5,
        review_from=review_from,
        region_threshold=policy.region_threshold,
        reason=policy.reason,
        inputs=inputs,
    )
    manifest, album = parts(folder / "data"), Album(bundle())
    if not masks:
        manifest = replace(manifest, parts=tuple(replace(part, mask=None) for part in manifest.parts))
    turn = cycle(kinds)
    kinded = (
        replace(part, mask_kind=next(turn)) if part.label is Label.NG else part for part in manifest.parts
    )
    manifest = replace(manifest, parts=tuple(kinded))
    examined, judged = [], []
    for seen in examine(inspector, manifest):
        album.add(seen)
        examined.append(seen.examined)
        judged.append(viewed_image(seen, inspector, manifest))
    operating = facts(policy.model_copy(update={"review_from": review_from}), judged, examined, point)
    for name in operating.blind:
        blind = tuple(part for part in manifest.parts if manifest.key(part) == name)
        for seen in examine(inspector, replace(manifest, parts=blind)):
            album.add_blind(name, seen)
    out = folder / f"report-{language}.html"
    doubtful = frozenset({"part1.png"})
    write_report(out, inspector, manifest, examined, album, Wording(language), operating, doubtful)
    return out


def facts(
    policy: Policy, judged: list[ViewedImage], examined: list[Examined], point: OperatingPoint | None = None
) -> OperatingFacts:
    """What the panel shows of these images; the policy was chosen on every other one of them."""
    parts = judged_parts(judged, policy.views)
    return OperatingFacts(
        policy,
        point,
        ChosenOn(split="test", parts=parts),
        ChosenOn(split="val", parts=parts[::2] + parts[1::4]),
        parts_with(judged, {"part1.png"}),
        parts_with_small_defects(judged, examined),
    )
