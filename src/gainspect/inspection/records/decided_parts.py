"""Decisions on parts of several images, from the records of their images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gainspect.inspection.inspector import Inspector
from gainspect.inspection.stream import part_record
from gainspect.policy import View
from gainspect.types import CHECK_REASONS, NgReason, ReviewReason


def view_in(record: Mapping[str, Any]) -> View:
    """What a policy looks at in an image, from its record (`stream.record_of`): `inspector.view_of` of it."""
    if record["verdict"] is None:
        return View(None)
    fired = record.get("fired", ())
    return View(
        score=record["score"],
        doubts=tuple(ReviewReason(why) for why in record["review_reasons"] if why in CHECK_REASONS),
        region_ng=NgReason.REGION_NG in fired,
        region_review=ReviewReason.REGION_REVIEW in fired,
        rest=record.get("rest"),
        unlike=bool(record["unlike"]),
    )


class DecidedParts:
    """What is known of the images of each part; only what the policy looks at is kept.

    Args:
        names: the part of each image that is to be judged, one entry for each image.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._expected = Counter(names)
        self._records: dict[str, list[dict[str, Any]]] = {}
        self._views: dict[str, list[View]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take the record of an image in, which names its part."""
        name = record["part"]
        self._records.setdefault(name, []).append({key: record[key] for key in ("image", "sha256")})
        self._views.setdefault(name, []).append(view_in(record))

    def add_other(self, record: Mapping[str, Any]) -> None:
        """The same for an image that is not to be judged, since it was judged before."""
        self._expected[record["part"]] += 1
        self.add(record)

    def records(self, inspector: Inspector) -> Iterator[dict[str, Any]]:
        """The decision on each part of which no image is outstanding, in the order of their first images."""
        for name, views in self._views.items():
            if len(views) == self._expected[name]:
                yield part_record(name, self._records[name], views, inspector)
