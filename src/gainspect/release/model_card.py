"""The model card: what a person should know before trusting a bundle."""

from typing import Any

from gainspect.inspection.bundle import Description
from gainspect.policy import Policy
from gainspect.report.terminal.bundle_tables import review_rules
from gainspect.strategies import strategy

CARD = "model_card.md"


def model_card(description: Description, parity: dict[str, Any]) -> str:
    """Write the card as Markdown, from what the bundle itself holds.

    Args:
        description: of the bundle.
        parity: what `parity.json` holds.
    """
    policy, config = description.policy, description.training["config"]
    chosen = strategy(description.strategy)
    images, ng = description.data["images"], description.data["ng"]
    origin = (
        f"the largest that reaches recall {policy.target_recall} there"
        if policy.target_recall is not None
        else "chosen by hand"
    )
    formats = "\n".join(_format_row(row) for row in parity["formats"])
    parts = "\n".join(f"| {split} | {images[split]} | {ng[split]} |" for split in images)
    return f"""# {description.name}

Judges images of parts OK or NG, and shows what its verdict rests on. Made {description.created} by gainspect
{description.gainspect}.

## What it is

| | |
| --- | --- |
| strategy | {description.strategy}: the {chosen.decides} decides, the evidence is {chosen.evidence} |
| backbone | {config["model"]["backbone"]}, weights {description.training["environment"]["weights"]} |
| input | {description.preprocessing} |
| epoch kept | {description.training["epoch"]} |

## What it was trained on

| part | images | of them NG |
| --- | --- | --- |
{parts}

Fingerprint (SHA-256): `{description.data["fingerprint"]}`.
Images unlike these (other parts, another camera, another light) are outside of what is known about it.

## When it says NG

When P(NG) reaches {policy.threshold:.4f}: {origin}.
On the validation part ({policy.ng} NG, {policy.ok} OK images) recall was {_number(policy.recall)}
and the false-alarm rate {_number(policy.false_alarm_rate)}. These parts also chose the checkpoint:
expect somewhat less on new ones. `gainspect evaluate` gives the figures on the test part.

## When a person decides

{_reason(policy)}

## Parity with the trained model

| runtime | precision | verdict flips | largest difference of P(NG) |
| --- | --- | --- | --- |
{formats}

The bundle holds a few golden images, some of the validation part: `gainspect bundle parity` repeats the
comparison where it is deployed.
"""


def _format_row(row: dict[str, Any]) -> str:
    found = [row[name] for name in ("probes", "validation")]
    flips = sum(figures["flips"] for figures in found)
    images = sum(figures["images"] for figures in found)
    largest = max(figures["outputs"]["score"]["max"] for figures in found)
    return f"| {row['runtime']} {row['version']} | {row['precision']} | {flips} of {images} | {largest:.1e} |"


def _reason(policy: Policy) -> str:
    reason = policy.reason
    if reason is None:
        return "Never: the reason of an NG verdict is not checked."
    listed = "\n".join(f"* {rule}" for rule in review_rules(reason))
    return (
        f"NG becomes REVIEW when its reason fails one of these checks:\n\n{listed}\n\n"
        f"On the part {reason.split}, {reason.reviewed} of {reason.verdicts} NG verdicts that are right for "
        f"the right reason break a limit, and {reason.unchecked} cannot be checked."
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
