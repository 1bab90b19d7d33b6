"""What rules on regions accepted of many images, so that every summary can say it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Accepted(NamedTuple):
    """Counts over the images of an inspection or an evaluation."""

    regions: int
    images: int
    """Regions that rules accepted, and the images that they lie on."""
    decided: int
    """How many of these images are OK only because of it."""
    by_rule: dict[str, int]
    """Regions by the name of the rule, most first."""
    decided_ng: int | None = None
    """How many of the `decided` are labeled NG: defects that rules let pass; None: labels are not known."""


def accepted(images: Iterable[tuple[Mapping[str, int], bool, bool]]) -> Accepted:
    """Count over images whose labels are known.

    Args:
        images: of each image the accepted regions by the name of their rule, whether it is OK only because of
            them, and whether it is labeled NG.

    >>> accepted([({"pit": 2}, True, True), ({}, False, False), ({"pit": 1, "fiber": 1}, False, True)])
    Accepted(regions=4, images=2, decided=1, by_rule={'pit': 3, 'fiber': 1}, decided_ng=1)
    """
    known = list(images)
    found = _counted((of_image, only_so) for of_image, only_so, _ in known)
    return found._replace(decided_ng=sum(only_so and ng for _, only_so, ng in known))


def _counted(images: Iterable[tuple[Mapping[str, int], bool]]) -> Accepted:
    rules: Counter[str] = Counter()
    on, decided = 0, 0
    for of_image, only_so in images:
        rules.update(of_image)
        on += bool(of_image)
        decided += only_so
    ordered = sorted(rules.items(), key=lambda item: (-item[1], item[0]))
    return Accepted(rules.total(), on, decided, dict(ordered))


def accepted_in(records: Iterable[Mapping[str, Any]]) -> Accepted | None:
    """The same of records of `inspection.stream.record_of`; None: no rules on regions were applied."""
    ruled = [record for record in records if "fired" in record]
    if not ruled:
        return None
    return _counted(
        (
            Counter(region["rule"] for region in record["regions"] if region.get("action") == "accept"),
            record["verdict"] == "ok" and "region_accepted" in record["fired"],
        )
        for record in ruled
    )
