"""A small inspection over a fake backend, with every kind of verdict, for the tests of reports."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from gainspect.data.manifest import Manifest, Part
from gainspect.evaluation.reliance import examine
from gainspect.inspection.bundle import Bundle, Description, Graph, Preprocessing
from gainspect.inspection.inspector import Inspector
from gainspect.policy import HeatScale, InputPolicy, Policy, ReasonPolicy
from gainspect.report.html.inspection_report import Album, write_report
from gainspect.report.texts import Wording
from gainspect.types import Label

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


def small_report(
    folder: Path,
    language: str,
    *,
    masks: bool = True,
    review_from: float | None = None,
    inputs: InputPolicy | None = None,
) -> Path:
    """Write a whole report of these parts, with their masks or without."""
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
    examined = []
    for seen in examine(inspector, manifest):
        album.add(seen)
        examined.append(seen.examined)
    out = folder / f"report-{language}.html"
    write_report(out, inspector, manifest, examined, album, Wording(language), frozenset({"part1.png"}))
    return out
