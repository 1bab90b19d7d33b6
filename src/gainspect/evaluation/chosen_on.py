"""The parts that a policy was chosen on, as a bundle stores them: they are shown, never applied."""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, TypeAdapter

from gainspect.evaluation.goals import Attainable
from gainspect.evaluation.judged_parts import JudgedPart, ViewedImage, judged_parts
from gainspect.evaluation.validation_verdicts import ValidationVerdicts
from gainspect.inspection.bundle import Bundle, section_of
from gainspect.policy import Policy

CHOSEN_ON = "chosen_on.json"
"""The name of the file in a bundle."""


class ChosenOn(BaseModel):
    """The parts, and the part of the data that they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str
    parts: tuple[JudgedPart, ...]


def chosen_on(verdicts: ValidationVerdicts, policy: Policy) -> ChosenOn:
    """The parts of these verdicts, as the policy's checks see them."""
    images = [
        ViewedImage(image.image, image.part, image.group, image.label, image.view(policy))
        for image in verdicts.images
    ]
    parts = judged_parts(images, policy.views)
    return ChosenOn(split=verdicts.split, parts=parts)


def chosen_on_of(bundle: Bundle) -> ChosenOn | None:
    """The parts that the policy of a bundle was chosen on; None: an older version wrote the bundle.

    Raises:
        GainspectError: they cannot be read.
    """
    return section_of(bundle, CHOSEN_ON, ChosenOn)


def chosen_content(chosen: ChosenOn) -> bytes:
    """The content of `chosen_on.json`: a line for each part."""
    row_of = TypeAdapter(JudgedPart).dump_python
    rows = (row_of(part, mode="json", exclude_defaults=True) for part in chosen.parts)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    return f'{{"split": {json.dumps(chosen.split)}, "parts": [\n{lines}\n]}}\n'.encode()


def attainable(parts: Sequence[JudgedPart], floor: float) -> Attainable:
    """Which NG parts lie below a floor, and how many OK parts lie between the lowest of them and the floor.

    Args:
        parts: those that could not be read show nothing of either, and are left out.
        floor: the P(NG) below which a score speaks rather for OK than for NG (`metrics.noise_floor`).
    """
    read = [(part, part.score) for part in parts if part.score is not None]
    ng = [(score, part.name) for part, score in read if part.ng]
    blind = sorted(one for one in ng if one[0] < floor)
    good = [score for part, score in read if not part.ng]
    between = sum(blind[0][0] <= score < floor for score in good) if blind else 0
    return Attainable(
        len(ng), tuple(name for _, name in blind), between / len(good) if blind and good else None
    )
