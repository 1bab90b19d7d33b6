"""One verdict explained: a picture and a sentence in plain words."""

from collections import Counter
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gainspect.inspection.reason.check import Trial
from gainspect.policy import HeatScale
from gainspect.region_rules import UNKNOWN
from gainspect.report.drawing.heat import LOCALIZATION_SCALE, OUTLINE, colors_of, heat_of, heated
from gainspect.report.drawing.lettering import lettering
from gainspect.report.texts import TEXTS, Wording
from gainspect.report.texts.inputs import unlike_in_words
from gainspect.types import (
    CHECK_REASONS,
    AcceptReason,
    Image,
    Label,
    RegionAction,
    ReviewReason,
    Verdict,
)

_COLORS = {Label.OK: "#006954", Label.NG: "#c2410c", Label.REVIEW: "#6242a0"}
_SOFT = "#555555"
_PANEL = 2.25
"""Width of a picture, inches."""
_COLUMNS: dict[str, int] = {"en": 150, "ko": 88}
"""Letters in a line."""
_NAME = 96
"""Letters of the image's name."""


def explanation(verdict: Verdict, wording: Wording) -> str:
    """What was decided, what is unlike the training, and what the check of its reason says."""
    numbers = {"score": _number(verdict.score), "threshold": _number(verdict.threshold)}
    what = unlike_in_words(verdict.unlike, wording)
    told = [*_of_rules(verdict, wording), *([wording("explain_unlike", what=what)] if what else [])]
    if ReviewReason.BORDERLINE in verdict.review_reasons and verdict.by_score is Label.OK:
        return " ".join([wording("explain_borderline", **numbers), *told])
    if verdict.review_reasons == (ReviewReason.UNLIKE_TRAINING,):
        return " ".join([wording("explain_unlike_review", **numbers), *told])
    doubted = any(reason in CHECK_REASONS for reason in verdict.review_reasons)
    plain = verdict.label is Label.REVIEW and not doubted
    sentences = [wording("explain_person" if plain else f"explain_{verdict.label}", **numbers), *told]
    check = verdict.check
    sentences += [
        f"{wording(f'reason_{reason}')}."
        for reason in verdict.review_reasons
        if reason is not ReviewReason.UNLIKE_TRAINING
    ]
    if check is None:
        return " ".join(sentences + [wording("explain_unchecked")] * (verdict.label is not Label.OK))
    if check.repaired is not None:
        kind = "flip" if check.flips else "stay"
        alone = "_alone" if check.control is None else ""
        control = "" if check.control is None else _number(check.control)
        repaired = _number(check.repaired)
        sentences.append(wording(f"explain_{kind}{alone}", **numbers, repaired=repaired, control=control))
    if check.gap is not None:
        sentences.append(f"{wording(f'gap_{check.gap}')}.")
    return " ".join(sentences)


def _of_rules(verdict: Verdict, wording: Wording) -> list[str]:
    """What rules on regions say, and of which types the regions are."""
    said = []
    types = dict.fromkeys(region.type for region in verdict.regions if region.type is not None)
    if types:
        shown = (wording("type_unknown") if name == UNKNOWN else name for name in types)
        said.append(wording("explain_types", types=", ".join(shown)))
    for action in RegionAction:
        rules = Counter(region.rule for region in verdict.regions if region.action is action)
        if rules:
            named = ", ".join(f"{name} {count}" for name, count in sorted(rules.items(), key=str))
            said.append(wording(f"explain_rules_{action}", rules=named))
    found = verdict.region_rules
    if found is not None and found.rest is not None and AcceptReason.REGION_ACCEPTED in verdict.fired:
        said.append(wording("explain_rest", rest=_number(found.rest)))
    return said


def draw_explanation(
    image: Image, verdict: Verdict, trial: Trial, scale: HeatScale, wording: Wording, out: Path, *, name: str
) -> str | None:
    """Draw image, evidence, localization, repaired image, the three scores and the sentence.

    Args:
        image: (H, W, 3), as it was inspected.
        verdict: of this image.
        trial: what was, or would be, repaired in it.
        scale: of the bundle.
        wording: the texts; if no installed font has the letters of their language, they are in English.
        out: PNG to write.
        name: of the image.

    Returns:
        What is not drawn as it should be for want of a font, in a sentence; None: nothing.

    Raises:
        GainspectError: the file cannot be written.
    """
    language = lettering(TEXTS[wording.language].values())
    if language.missing:
        wording = Wording("en")
    letters = lettering([*TEXTS[wording.language].values(), name])
    shape = image.shape[0] / image.shape[1]
    page = _Page(height=2.5 + max(1.7, min(_PANEL * shape, 3.4)))
    with letters.used():
        text, title = explanation(verdict, wording), wording(str(verdict.label))
        page.text(0.3, 0.25, title, fontsize=18, fontweight="bold", color=_COLORS[verdict.label])
        page.text(page.width - 0.3, 0.31, letters.shown(name, _NAME), ha="right", fontsize=9.5, color=_SOFT)
        page.text(0.3, 0.75, "\n".join(wrap(text, _COLUMNS[wording.language])), fontsize=9.5, linespacing=1.5)
        _panels(page, image, verdict, trial, scale, wording)
        _scores(page.axes(10.15, 1.95, 1.25, 1.5), verdict, wording)
        _legend(page, scale, wording)
        letters.save(page.figure, out)
    if not language.missing:
        return letters.sentence
    names = " and names have digits for these letters" if letters.missing else ""
    return f"{language.lacks}, so the picture is in English{names}. {language.mend}"


class _Page:
    """A figure on which things are placed in inches from its top left corner."""

    width = 12.0

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure = Figure(figsize=(self.width, height), dpi=150)
        FigureCanvasAgg(self.figure)

    def axes(self, x: float, y: float, width: float, height: float) -> Any:
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(place)

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        self.figure.text(x / self.width, 1 - y / self.height, text, va="top", **style)


def _panels(
    page: _Page, image: Image, verdict: Verdict, trial: Trial, scale: HeatScale, wording: Wording
) -> None:
    localization = verdict.evidence.localization
    repaired = next(trial.images(), None) if verdict.by_score is Label.NG else None
    pictures = {
        "image": image,
        "evidence": heated(image, heat_of(verdict.evidence.evidence, scale)),
        "localization": None
        if localization is None
        else heated(image, heat_of(localization, LOCALIZATION_SCALE)),
        "repaired": repaired,
    }
    for column, (name, picture) in enumerate(pictures.items()):
        x = 0.3 + (_PANEL + 0.15) * column
        page.text(x, 1.5, wording(f"panel_{name}"), fontsize=9.5, fontweight="bold")
        axis = page.axes(x, 1.75, _PANEL, page.height - 2.5)
        axis.set_axis_off()
        axis.set_anchor("NW")
        if picture is None:
            axis.text(0.5, 0.5, wording("panel_nothing"), ha="center", color="#777777", fontsize=9)
            continue
        axis.imshow(picture)
        if name in {"evidence", "repaired"} and trial.region.any() and repaired is not None:
            axis.contour(trial.region, levels=[0.5], colors=[np.array(OUTLINE) / 255], linewidths=1.0)


def _scores(axis: Any, verdict: Verdict, wording: Wording) -> None:
    check = verdict.check
    scores = {
        "before": verdict.score,
        "repaired": None if check is None else check.repaired,
        "control": None if check is None else check.control,
    }
    for row, (name, score) in enumerate(scores.items()):
        place = 2 - row
        axis.text(0, place + 0.3, wording(f"bar_{name}"), fontsize=8.5, va="bottom", color="#333333")
        axis.barh(place, 1, 0.5, color="#eceff1")
        if score is not None:
            color = _COLORS[Label.NG] if score >= verdict.threshold else _COLORS[Label.OK]
            axis.barh(place, max(score, 0.004), 0.5, color=color)
        label = "–" if score is None else _number(score)
        axis.text(1.06, place, label, fontsize=9.5, va="center", fontweight="bold")
        axis.plot([verdict.threshold] * 2, [place - 0.25, place + 0.25], color="#222222", linewidth=1.2)
    axis.set(xlim=(0, 1), ylim=(-0.4, 2.9), yticks=[], xticks=[0, 0.5, 1])
    axis.tick_params(labelsize=7.5, length=2)
    axis.set_title("P(NG)", loc="left", fontsize=9.5, fontweight="bold", pad=12)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _legend(page: _Page, scale: HeatScale, wording: Wording) -> None:
    x, y = 0.3 + _PANEL + 0.15, page.height - 0.55
    axis = page.axes(x, y, _PANEL, 0.1)
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    alpha = (0.8 * np.sqrt(ramp))[:, :, None]
    axis.imshow((128 * (1 - alpha) + colors_of(ramp) * alpha).astype(np.uint8), aspect="auto")
    axis.set_axis_off()
    text = f"{scale.cold:.2g} {wording('legend_cold')}  ·  {scale.hot:.2g} {wording('legend_hot')}"
    page.text(x, y + 0.17, text, fontsize=7.5, color=_SOFT)


def _number(score: float) -> str:
    """Two decimals; three near 0 and 1, where two would say too little."""
    return f"{score:.2f}" if 0.1 <= score < 0.985 else f"{score:.3f}"
