"""Terminal tables and sentences about a bundle."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from gainspect.evaluation.goals import OperatingPoint
from gainspect.inspection.bundle import Bundle, Description
from gainspect.policy import InputPolicy, Policy, ReasonPolicy
from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.report.terminal.policy_sentences import goal_in_words
from gainspect.report.texts import Wording
from gainspect.report.texts.inputs import ranges_in_words
from gainspect.wording import plural

INPUTS_UNCHECKED = (
    "Whether images are like those of the training is not checked: the bundle has no figures of them."
)
_NUMBERS = ("logit", "score", "distance")
"""The outputs of a network that are no maps."""


def bundle_table(bundle: Bundle) -> Table:
    """What a bundle is and where it comes from."""
    description = bundle.description
    model, data = description.training["config"]["model"], description.data
    table = titled_table(f"Bundle · {description.name}", f"SHA-256 {bundle.sha256}")
    table.add_column("", no_wrap=True)
    table.add_column("")
    table.add_row("Created", f"{description.created} by gainspect {description.gainspect}")
    table.add_row("Strategy", description.strategy)
    table.add_row("Backbone", model["backbone"])
    table.add_row("Input", frame_in_words(description))
    images = ", ".join(f"{split} {count} ({data['ng'][split]} NG)" for split, count in data["images"].items())
    table.add_row("Images", images)
    table.add_row("Data", f"SHA-256 {data['fingerprint']}")
    table.add_row("Network", f"SHA-256 {description.network_sha256}")
    table.add_row("Policy", f"SHA-256 {description.policy.policy_id}")
    table.add_row("Formats", ", ".join(description.formats))
    table.add_row("Maps", ", ".join(name for name in description.graph.outputs if name not in _NUMBERS))
    return table


def frame_in_words(description: Description) -> str:
    """How an image becomes the network's input, and in which positions it is seen."""
    told = {
        2: "; seen as it is and mirrored",
        8: "; seen as it is and mirrored, and so after each quarter turn",
    }
    tta = description.training["config"]["model"].get("tta")
    return f"{description.preprocessing}{told.get(tta, '')}"


def policy_sentence(policy: Policy, point: OperatingPoint | None = None) -> str:
    """When the verdict is NG, and the figures on the part of the data where the threshold was chosen."""
    if point is not None:
        origin = goal_in_words(point)
    else:
        origin = "by hand" if policy.target_recall is None else f"for recall {policy.target_recall}"
    figures = ", ".join(
        f"{name} {value:.3f}"
        for name, value in (("recall", policy.recall), ("false alarms", policy.false_alarm_rate))
        if value is not None
    )
    part = f"{policy.split} ({policy.ng} NG, {policy.ok} OK)"
    band = "" if policy.review_from is None else f", REVIEW from {policy.review_from:.4f} on"
    return f"NG if P(NG) ≥ {policy.threshold:.4f}{band}, chosen {origin}; on {part}, by the score: {figures}."


def review_rules(reason: ReasonPolicy) -> list[str]:
    """The rules that are applied, in words: those that have a limit, and the one that needs none."""
    rules = [
        (reason.min_drop, "repairing the evidence lowers P(NG) by less than {:.0%} of its value"),
        (
            reason.max_control_drop,
            "repairing an equal area elsewhere lowers P(NG) by more than {:.0%} of its value",
        ),
        (reason.min_agreement, "the cosine similarity of attention and localization is below {:.2f}"),
    ]
    limited = [text.format(limit) for limit, text in rules if limit is not None]
    return [*limited, "the reason cannot be checked in full"]


def right_verdicts(reason: ReasonPolicy) -> str:
    """The verdicts that the limits come from, and how far it is known that their reason is right.

    >>> right_verdicts(ReasonPolicy(verdicts=9, marked=4))
    '9 NG verdicts that are right (for the right reason 4; of the others it is not known, for want of masks)'
    """
    counted = plural(reason.verdicts, "NG verdict")
    if reason.marked is None:
        return f"{counted} that are right (for the right reason where their defect is marked)"
    if reason.marked == reason.verdicts:
        return f"{counted} that are right for the right reason"
    if not reason.marked:
        return f"{counted} that are right (whether for the right reason is not known, for want of masks)"
    others = "of the others it is not known, for want of masks"
    return f"{counted} that are right (for the right reason {reason.marked}; {others})"


def reason_sentence(policy: Policy) -> str:
    """When the reason of an NG verdict fails its check, and how often it does on the data of the limits."""
    reason = policy.reason
    if reason is None:
        return "Reasons are not checked."
    unchecked = f", and {reason.unchecked} that cannot be checked" if reason.unchecked else ""
    return (
        f"NG becomes REVIEW if {', or '.join(review_rules(reason))}; on {reason.split}: {reason.reviewed} of "
        f"{right_verdicts(reason)}{unchecked}."
    )


def input_ranges(inputs: InputPolicy) -> list[str]:
    """The figures of an image that are looked at, with their usual ranges."""
    return [f"{name} ({usual})" for name, usual in ranges_in_words(inputs, Wording("en")).values()]


def input_origin(inputs: InputPolicy) -> str:
    """What the ranges were fitted on, and how many images lie outside there."""
    return (
        f"Fitted on {plural(inputs.images, 'OK image')} of {inputs.split}, of which {inputs.outside} lie "
        f"outside, and {inputs.training} of the training."
    )


def input_sentence(policy: Policy) -> str:
    """When an image counts as unlike those of the training."""
    if policy.inputs is None:
        return INPUTS_UNCHECKED
    listed = ", ".join(input_ranges(policy.inputs))
    return f"OK becomes REVIEW if the image is unlike the training: {listed}. {input_origin(policy.inputs)}"


def input_gap(bundle: Bundle) -> str | None:
    """What of the inputs a bundle does not check, in a sentence; None: it checks all figures."""
    inputs = bundle.description.policy.inputs
    if inputs is None:
        return INPUTS_UNCHECKED
    if "distance" in inputs.ranges:
        return None
    tiled = bundle.description.preprocessing.tiling is not None
    seen = "of the tiles nothing is compared with the training, only" if tiled else "of an image only"
    return f"The bundle has no feature distance: {seen} size, light, sharpness and color are checked."


def parity_table(parity: Mapping[str, Any]) -> Table:
    """Every format compared with the torch model."""
    table = titled_table(
        "Parity with the trained model", "largest difference on probes and validation images"
    )
    for heading in ("Runtime", "Version", "Precision"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Flips", "P(NG)", "Evidence", "Identity"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in parity["formats"]:
        _add(table, row, [row["probes"], row["validation"]])
    return table


def golden_table(found: Mapping[str, Any]) -> Table:
    """A bundle's golden predictions compared with those of this machine."""
    table = titled_table(
        f"Parity on this machine · {plural(found['images'], 'golden image')}",
        f"{found['cpu']}, {plural(found['threads'], 'thread')}",
    )
    for heading in ("Runtime", "Version", "Precision"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Flips", "P(NG)", "Evidence", "Identity"):
        table.add_column(heading, justify="right", no_wrap=True)
    _add(table, found, [found])
    return table


def _add(table: Table, row: Mapping[str, Any], figures: list[Mapping[str, Any]]) -> None:
    flips, images = (sum(found[name] for found in figures) for name in ("flips", "images"))
    score, evidence = (
        max(found["outputs"][name]["max"] for found in figures) for name in ("score", "evidence")
    )
    identity = max(found["evidence_identity"] for found in figures)
    table.add_row(
        row["runtime"],
        row["version"],
        row["precision"],
        f"{flips} of {images}",
        f"{score:.1e}",
        f"{evidence:.1e}",
        f"{identity:.1e}",
    )
