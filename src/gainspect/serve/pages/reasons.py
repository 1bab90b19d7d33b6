"""Why a part was decided as it was: one sentence, in the language of whoever looks."""

from typing import Any

from gainspect.ledger.records.decision import Decision, JudgedImage
from gainspect.serve.pages.texts import Words
from gainspect.types import AcceptReason, Label, NgReason, ReviewReason


def shown_score(score: float | None) -> str:
    """P(NG) for people: two digits, and never a certainty that it is not.

    >>> shown_score(0.974), shown_score(0.9996), shown_score(0.001), shown_score(0.0), shown_score(None)
    ('0.97', '> 0.99', '< 0.01', '0.00', '–')
    """
    if score is None:
        return "–"
    if 0.995 <= score < 1:
        return "> 0.99"
    return "< 0.01" if 0 < score < 0.005 else f"{score:.2f}"


def reason(decision: Decision, words: Words) -> str:
    """What the decision rests on, and what the check of its reason found.

    The check is that of the image with the largest score. Repairing elsewhere is said to change nothing if
    the part would be NG then too.
    """
    values: dict[str, Any] = {
        "score": shown_score(decision.score),
        "threshold": shown_score(decision.threshold),
    }
    fired = frozenset(decision.fired)
    if decision.score is None or ReviewReason.UNREADABLE in fired:
        return words("why_unread")
    if decision.label is Label.OK:
        return words("why_accepted" if AcceptReason.REGION_ACCEPTED in fired else "why_ok", **values)
    if decision.score < decision.threshold:
        for rule, key in (
            (NgReason.REGION_NG, "why_region_ng"),
            (ReviewReason.REGION_REVIEW, "why_region_review"),
            (ReviewReason.BORDERLINE, "why_borderline"),
            (ReviewReason.UNLIKE_TRAINING, "why_unlike"),
        ):
            if rule in fired:
                return words(key, **values)
        return words("why_person", **values)
    return _checked(decision, words, values)


def _checked(decision: Decision, words: Words, values: dict[str, Any]) -> str:
    """What the check found of a score that reaches the threshold."""
    image = max(decision.images, key=lambda image: -1 if image.score is None else image.score)
    repaired, control = _scores_of_check(image)
    if repaired is None:
        return words("why_ng" if decision.label is Label.NG else "why_unconfirmed", **values)
    values |= {"score": shown_score(image.score), "repaired": shown_score(repaired)}
    if repaired >= decision.threshold:
        return words("why_stay", **values)
    if control is None:
        return words("why_flip_alone", **values)
    kind = "same" if control >= decision.threshold else "moves"
    return words(f"why_flip_{kind}", **values, control=shown_score(control))


def _scores_of_check(image: JudgedImage) -> tuple[float | None, float | None]:
    """P(NG) with the evidence repaired, and with an equal area elsewhere repaired; None: not known."""
    check = image.details.get("check")
    if not isinstance(check, dict):
        return None, None
    repaired, control = check.get("repaired"), check.get("control")
    return (
        float(repaired) if isinstance(repaired, int | float) else None,
        float(control) if isinstance(control, int | float) else None,
    )
