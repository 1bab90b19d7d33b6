"""The model card: what a person should know before trusting a bundle."""

from collections.abc import Mapping
from typing import Any

from gainspect.data.marked import Marking
from gainspect.evaluation.goals import OperatingPoint
from gainspect.evaluation.out_of_fold import FOLDS
from gainspect.inspection.bundle import GOOD_PARTS, Description
from gainspect.inspection.regions.defect_types import DefectTypes
from gainspect.policy import Policy
from gainspect.report.terminal.bundle_tables import (
    INPUTS_UNCHECKED,
    frame_in_words,
    input_origin,
    input_ranges,
    policy_sentence,
    review_rules,
    right_verdicts,
)
from gainspect.report.terminal.policy_sentences import policy_sentences
from gainspect.report.terminal.region_sentences import rules_sentences, types_sentence
from gainspect.report.texts import Wording
from gainspect.strategies import strategy

CARD = "model_card.md"


def model_card(
    description: Description,
    parity: Mapping[str, Any],
    point: OperatingPoint | None = None,
    types: DefectTypes | None = None,
) -> str:
    """Write the card as Markdown, from the content of the bundle.

    Args:
        description: the description of the bundle.
        parity: the content of `parity.json`.
        point: what its policy gives; None: not known.
        types: the types of defects that it tells apart; None: an older version wrote the bundle.
    """
    policy, config = description.policy, description.training["config"]
    chosen = strategy(description.strategy)
    images, ng = description.data["images"], description.data["ng"]
    given = "" if point is None else "\n".join(f"* {said}" for said in policy_sentences(point)) + "\n"
    formats = "\n".join(_format_row(row) for row in parity["formats"])
    marking = description.data.get("marking", {})
    sampled = "training" if policy.split == FOLDS else "validation"
    parts = "\n".join(
        f"| {split} | {images[split]} | {ng[split]} | {_marked(marking.get(split))} |" for split in images
    )
    return f"""# {description.name}

This bundle judges images of parts as OK or NG, and shows what each verdict is based on. Created
{description.created} by gainspect {description.gainspect}.

## What it is

| | |
| --- | --- |
| strategy | {description.strategy}: the {chosen.decides} decides, the evidence is {chosen.evidence} |
| backbone | {config["model"]["backbone"]}, weights {_origin(description.training["environment"])} |
| input | {frame_in_words(description)} |
| epoch kept | {description.training["epoch"]} |

## What it was trained on

| part | images | of them NG | NG with a marked defect |
| --- | --- | --- | --- |
{parts}
{_divided(description)}{_untaught(marking)}
Fingerprint (SHA-256): `{description.data["fingerprint"]}`.
Nothing is known about its verdicts on images unlike these (other parts, another camera, other light).
{_inputs(policy)}

## When it says NG

{policy_sentence(policy, point)}
{given}
{_expect(policy)}
`gainspect evaluate` gives the figures on the test part.

## When a person decides

{_reason(policy)}
{_rules(policy)}
## Types of defects

{types_sentence(types)}

## Parity with the trained model

| runtime | precision | verdict flips | largest difference of P(NG) |
| --- | --- | --- | --- |
{formats}

The bundle contains a few images, some from the {sampled} part, with the predictions of the trained model.
`gainspect bundle parity` repeats the comparison on the machine where the bundle is deployed.
"""


def _origin(environment: Mapping[str, Any]) -> str:
    """Where the weights come from; runs of older versions do not say how many stages stayed as they were."""
    frozen = environment.get("frozen_stages", 0)
    return f"{environment['weights']}{f', {frozen} stages of it frozen' if frozen else ''}"


def _expect(policy: Policy) -> str:
    if policy.split == FOLDS:
        return (
            "Each part was judged by a network that was not trained on it; the network of this bundle was "
            "trained on all of them, and keeps its last epoch."
        )
    return "The checkpoint was chosen on the same images, so expect slightly worse figures on new parts."


def _format_row(row: dict[str, Any]) -> str:
    found = [row[name] for name in ("probes", "validation")]
    flips = sum(figures["flips"] for figures in found)
    images = sum(figures["images"] for figures in found)
    largest = max(figures["outputs"]["score"]["max"] for figures in found)
    return f"| {row['runtime']} {row['version']} | {row['precision']} | {flips} of {images} | {largest:.1e} |"


def _reason(policy: Policy) -> str:
    reason = policy.reason
    if reason is None:
        when = "Never" if policy.review_from is None else "Between the two thresholds"
        return f"{when}: the reason of an NG verdict is not checked."
    listed = "\n".join(f"* {rule}" for rule in review_rules(reason))
    source = (
        "A repair comes from the image itself, or from OK images of the training, some of which the bundle "
        f"contains ({GOOD_PARTS})."
        if reason.good_parts
        else "A repair comes from the image itself."
    )
    return (
        f"NG becomes REVIEW when its reason fails one of these checks:\n\n{listed}\n\n"
        f"On the part {reason.split}, {reason.reviewed} of {right_verdicts(reason)} break a limit, and "
        f"{reason.unchecked} cannot be checked. {source}"
    )


def _rules(policy: Policy) -> str:
    """The rules on regions, as a section; empty if there are none."""
    said = list(rules_sentences(policy.region_rules))
    if not said:
        return ""
    return "\n## Rules on regions\n\n" + "\n".join([said[0], "", *said[1:-1], "", said[-1]]) + "\n"


def _inputs(policy: Policy) -> str:
    inputs = policy.inputs
    if inputs is None:
        return INPUTS_UNCHECKED
    listed = "\n".join(f"* {usual}" for usual in input_ranges(inputs))
    return (
        f"An OK image becomes REVIEW if a figure of it is not as usual:\n\n{listed}\n\n"
        f"{input_origin(inputs)} Of new OK images, {inputs.share:.1%} may lie outside."
    )


def _marked(counts: Mapping[str, int] | None) -> str:
    return "not counted" if counts is None else str(Marking(**counts).marked)


def _divided(description: Description) -> str:
    """That the data came with another split, as a paragraph; empty if they did not."""
    return f"\n{Wording('en')('divided_anew')}\n" if description.data.get("divided_anew") else ""


def _untaught(marking: Mapping[str, Mapping[str, int]]) -> str:
    """What follows from missing marks, as a paragraph; empty if nothing does."""
    lacking = {part for part, counts in marking.items() if not Marking(**counts).marked}
    said = []
    if "train" in lacking:
        said.append("No marked defect taught the model where to look.")
    if "val" in lacking:
        said.append(
            "Whether its evidence lies on the defects was not measured: none is marked in validation."
        )
    return f"\n{' '.join(said)}\n" if said else ""
