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


class AcceptedCount:
    """Counts over images that come one after the other."""

    def __init__(self) -> None:
        self._rules: Counter[str] = Counter()
        self._on, self._decided = 0, 0
        self._ruled = False

    def add(self, of_image: Mapping[str, int], only_so: bool) -> None:
        """Count an image.

        Args:
            of_image: its accepted regions by the name of their rule.
            only_so: whether it is OK only because of them.
        """
        self._ruled = True
        self._rules.update(of_image)
        self._on += bool(of_image)
        self._decided += only_so

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Count an image by its record (`inspection.stream.record_of`), if rules on regions were applied."""
        if "fired" in record:
            self.add(
                Counter(region["rule"] for region in record["regions"] if region.get("action") == "accept"),
                record["verdict"] == "ok" and "region_accepted" in record["fired"],
            )

    @property
    def found(self) -> Accepted | None:
        """The counts; None: no image was counted."""
        if not self._ruled:
            return None
        ordered = sorted(self._rules.items(), key=lambda item: (-item[1], item[0]))
        return Accepted(self._rules.total(), self._on, self._decided, dict(ordered))


def accepted(images: Iterable[tuple[Mapping[str, int], bool, bool]]) -> Accepted:
    """Count over images whose labels are known.

    Args:
        images: of each image the accepted regions by the name of their rule, whether it is OK only because of
            them, and whether it is labeled NG.

    >>> accepted([({"pit": 2}, True, True), ({}, False, False), ({"pit": 1, "fiber": 1}, False, True)])
    Accepted(regions=4, images=2, decided=1, by_rule={'pit': 3, 'fiber': 1}, decided_ng=1)
    """
    count, decided_ng = AcceptedCount(), 0
    for of_image, only_so, ng in images:
        count.add(of_image, only_so)
        decided_ng += only_so and ng
    return (count.found or Accepted(0, 0, 0, {}))._replace(decided_ng=decided_ng)
