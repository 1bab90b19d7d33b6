"""What Label Studio stores of one annotation: results, each a shape, a class, or a choice.

Source: https://labelstud.io/tags. Positions are percent of width and height.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np

from gainspect.data.image_header import require_limit
from gainspect.data.importers.annotations import (
    Box,
    Ellipse,
    Geometry,
    Line,
    Pixels,
    Polygon,
    Shape,
    attempted,
    ring,
)
from gainspect.data.importers.bitmaps import pixels_of_image
from gainspect.data.importers.brush import decode_brush
from gainspect.data.importers.fields import Record, from_base64, pairs, stated_size
from gainspect.errors import GainspectError

_NO_SHAPES = frozenset(
    {"choices", "taxonomy", "textarea", "rating", "number", "datetime", "pairwise", "ranker", "relation"}
)
"""Types of results in which nothing is drawn. All others may be of something that is."""
_SHAPE = frozenset({"points", "rle", "imageDataURL", "x"})
"""Keys of what is drawn."""
UNNAMED = "no class"
"""The class of a shape that has none."""


def size_of(results: Sequence[Record]) -> tuple[int, int] | None:
    """Height and width of the picture that somebody drew in, as most of the results state it."""
    sizes = Counter(size for r in results if (size := _stated(r)) is not None)
    return sizes.most_common(1)[0][0] if sizes else None


def _stated(result: Record) -> tuple[int, int] | None:
    return stated_size(result.get("original_height"), result.get("original_width"))


def drawn_of(results: Sequence[Record], place: str) -> tuple[tuple[Shape, ...], tuple[str, ...]]:
    """Shapes, and classes of the image as a whole.

    Results with one id are of one region: with separate tags for shapes and labels, one has the shape and
    the other its class. What is chosen for a region is not said of the image.

    Raises:
        GainspectError: classes are not names. Shapes that cannot be read are `Damaged`.
    """
    regions: dict[str, list[Record]] = defaultdict(list)
    for number, result in enumerate(results):
        regions[str(result.get("id", number))].append(result)
    shapes: list[Shape] = []
    tags: list[str] = []
    size = size_of(results)
    for of_region in regions.values():
        drawn = [result for result in of_region if str(result.get("type")) not in _NO_SHAPES]
        if not drawn:
            tags += (name for result in of_region for name in _names(result, place, "choices"))
            continue
        names = [name for result in of_region for name in _names(result, place, "labels")]
        shape = next((result for result in drawn if _SHAPE & _value(result).keys()), drawn[0])
        shown = f"{place}, result {shape.get('id', len(shapes) + 1)}"
        geometry = attempted(partial(_geometry, shape, size, shown))
        shapes += (
            Shape(n, geometry, shown, relative=not isinstance(geometry, Pixels)) for n in names or [UNNAMED]
        )
    return tuple(shapes), tuple(dict.fromkeys(tags))


def _value(result: Record) -> Record:
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def _names(result: Record, place: str, ending: str) -> list[str]:
    """The classes that a result gives: under `polygonlabels`, `labels`, …, or `choices`."""
    found = [names for key, names in _value(result).items() if key.endswith(ending)]
    if not all(isinstance(names, list) and all(isinstance(n, str) for n in names) for names in found):
        raise GainspectError(f"the {ending} of a result are not a list of names", where=place)
    return list(dict.fromkeys(name for names in found for name in names))


def _geometry(result: Record, size: tuple[int, int] | None, place: str) -> Geometry:
    value = _value(result)
    if (stated := _stated(result)) is not None and stated != size:
        raise GainspectError(f"it states another size, {stated[1]}×{stated[0]}, than others", where=place)
    if result.get("image_rotation") not in (None, 0):
        raise GainspectError("it was drawn on a picture that was turned in the tool", where=place)
    if "rle" in value or "imageDataURL" in value:
        return _pixels(value, stated, place)
    if "points" in value:
        return Polygon((pairs(value["points"], place) / 100,))
    if "radiusX" in value:
        x, y, half_width, half_height = _shares(value, place, "x", "y", "radiusX", "radiusY")
        return Ellipse(x, y, half_width, half_height, _angle(value, place))
    if "width" in value and "height" in value:
        left, top, width, height = _shares(value, place, "x", "y", "width", "height")
        return Box(left, top, left + width, top + height, _angle(value, place), about_corner=True)
    if "x" in value and "y" in value:
        x, y, width, _ = _shares({"width": 0, **value, "": 0}, place, "x", "y", "width", "")
        # The width of a key point is how large it is shown, in percent of the picture's.
        return Line(np.array([[x, y]]), width * size[1] if size and width else None)
    raise GainspectError("it is no polygon, brush, rectangle, ellipse or key point", where=place)


def _pixels(value: Record, size: tuple[int, int] | None, place: str) -> Pixels:
    """A brush, or a bit mask (a PNG) of the picture's size."""
    if size is None:
        raise GainspectError("it has no original_width and original_height", where=place)
    height, width = size
    if height * width > require_limit() * 1e6:
        raise GainspectError(f"its size is {width}×{height}, over the limit", where=place)
    if "rle" in value:
        return Pixels(partial(decode_brush, value["rle"], height, width, place))
    found = pixels_of_image(from_base64(value["imageDataURL"], place), place)
    if (decoded := found.decode()).shape != size:
        raise GainspectError(
            f"its mask is of another size, {decoded.shape[1]}×{decoded.shape[0]}", where=place
        )
    return found


def _shares(value: Record, place: str, *names: str) -> list[float]:
    """An even number of percentages as shares."""
    return [float(number) for number in (ring((value.get(name) for name in names), place) / 100).ravel()]


def _angle(value: Record, place: str) -> float:
    return float(ring((value.get("rotation") or 0, 0), place)[0, 0])
