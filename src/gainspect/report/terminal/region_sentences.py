"""Rules on regions and types of defects, in sentences and a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from gainspect.evaluation.accepted import Accepted
from gainspect.inspection.regions.defect_types import OTHER, DefectTypes
from gainspect.names import printable
from gainspect.region_rules import UNKNOWN, RegionRule, RegionRules
from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.wording import plural

_MEASURES = {
    "length_px": ("length", "px"),
    "length_mm": ("length", "mm"),
    "width_px": ("width", "px"),
    "width_mm": ("width", "mm"),
    "area_px": ("area", "px"),
    "area_mm2": ("area", "mm²"),
    "severity": ("severity", ""),
    "count": ("count", ""),
}
_NEEDED = "It takes 2 types with 5 or more parts in training that show a region"


def accepted_sentence(found: Accepted | Mapping[str, Any] | None) -> str | None:
    """What rules on regions accepted; None without such rules.

    >>> accepted_sentence(Accepted(12, 9, 7, {"small_pit": 12}))
    '12 regions on 9 images were accepted by rules (small_pit 12); 7 images are OK only because of it.'
    """
    if found is None:
        return None
    counts = found if isinstance(found, Accepted) else Accepted(**found)
    if not counts.regions:
        return "No region was accepted by rules."
    rules = ", ".join(f"{printable(name)} {count}" for name, count in counts.by_rule.items())
    was = "was" if counts.regions == 1 else "were"
    decided = f"{plural(counts.decided, 'image')} {'is' if counts.decided == 1 else 'are'} OK"
    labeled = f", {counts.decided_ng} of them labeled NG" if counts.decided_ng is not None else ""
    return (
        f"{plural(counts.regions, 'region')} on {plural(counts.images, 'image')} {was} accepted by rules "
        f"({rules}); {decided} only because of it{labeled}."
    )


def rules_sentences(rules: RegionRules | None) -> Iterator[str]:
    """Every rule, and the scale."""
    if rules is None:
        return
    scale = "" if rules.mm_per_px is None else f", at {rules.mm_per_px:g} mm per pixel"
    yield f"{plural(len(rules.rules), 'rule')} on regions{scale}; ng comes before review before accept:"
    for rule in sorted(rules.rules, key=lambda rule: rule.rank):
        yield f"* {printable(rule.name)}: {rule.action} if {conditions_in_words(rule)}"
    yield (
        "The figures of the policy are without these rules: `gainspect evaluate --check` counts decisions "
        "with them."
    )


def conditions_in_words(rule: RegionRule) -> str:
    """What must hold of a region.

    >>> from gainspect.region_rules import Conditions, Range
    >>> conditions_in_words(RegionRule(name="a", action="ng", when=Conditions(length_px=Range(over=2))))
    'length over 2 px'
    """
    said = []
    if rule.when.type is not None:
        needed = "" if rule.min_accuracy is None else f" (accuracy at least {rule.min_accuracy:g})"
        said.append(f"type {printable(rule.when.type)}{needed}")
    for name, (measure, unit) in _MEASURES.items():
        within = getattr(rule.when, name)
        if within is not None:
            bounds = [("over", within.over), ("under", within.under)]
            told = " and ".join(f"{word} {value:g}" for word, value in bounds if value is not None)
            said.append(f"{measure} {told} {unit}".rstrip())
    if rule.when.zone is not None:
        said.append(f"in a zone of {len(rule.when.zone)} corners")
    return ", ".join(said)


def types_sentence(types: DefectTypes | None) -> str:
    """Which types of defects are told apart, and how well; or why none is."""
    if types is None:
        return "Types of defects are not told apart: an older version wrote the bundle."
    rare = ", ".join(f"{printable(name)} {count}" for name, count in types.too_rare.items())
    if not types.names:
        has = f"; the training has {rare}" if rare else "; the training names none"
        return f"Types of defects are not told apart. {_NEEDED}{has}."
    told = ", ".join(f"{printable(name)} {types.accuracy(name).value:.2f}" for name in types.names)
    left = f" Too rare to learn: {rare}." if rare else ""
    if not types.tried:
        named = ", ".join(map(printable, types.names))
        return f"Types of defects: {named}. How well is not known: no validation part has defects.{left}"
    return f"Types of defects, with their accuracy on {types.split}: {told}.{left}"


def confusion_table(types: DefectTypes) -> Table:
    """The confusion matrix of the types on the validation part."""
    missed = (
        f"\n{plural(types.without_region, 'defect')} without a region left out"
        if types.without_region
        else ""
    )
    table = titled_table(
        f"Types of defects · {types.split}",
        "rows: type in the data; columns: type that its region is called\n"
        "accuracy: the lower of the share of a row, and of a column, that is right" + missed,
    )
    table.add_column("Type in the data", overflow="fold")
    for name in (*types.names, UNKNOWN):
        table.add_column(Text(name), justify="right")
    table.add_column("Accuracy", justify="right")
    for name, row in zip((*types.names, OTHER), types.confusion, strict=True):
        if name == OTHER and not any(row):
            continue
        accuracy = f"{types.accuracy(name).value:.2f}" if name in types.names else "–"
        table.add_row(Text(name), *map(str, row), accuracy)
    return table
