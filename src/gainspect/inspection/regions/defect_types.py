"""Types of defects: the nearest class mean of features that are weighted by the evidence, or "unknown".

The features are those of the backbone at stride 16, the output "features" of the network. The means are
fitted in `evaluation.fit_types`, and stored in the bundle with what they are worth on the validation part.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle, section_of
from gainspect.inspection.regions.rest import Window, on_grid
from gainspect.inspection.tiled import Grid
from gainspect.region_rules import UNKNOWN, RegionRules
from gainspect.types import FloatMap, Region

TYPES = "defect_types.json"
"""The name of the file in a bundle."""
OTHER = "other"
"""The row of the confusion matrix with defects of types that were too rare to be learned."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Accuracy(NamedTuple):
    """How well one type is told apart on the validation part."""

    recognized: int
    of_type: int
    """Defects of the type, and how many of them are called so."""
    called: int
    """Defects of any type that are called so."""

    @property
    def value(self) -> float:
        """The lower of two shares: of the defects of the type those called so, and the other way round."""
        return min(self.recognized / self.of_type, self.recognized / self.called) if self.recognized else 0.0


class DefectTypes(_Section):
    """K types of defects over C features, and the confusion matrix of the validation part.

    No names: the data have fewer than two types with enough parts.
    """

    names: tuple[str, ...] = ()
    means: tuple[tuple[float, ...], ...] = ()
    """(K, C) mean features of each type, each feature in units of its `scale`."""
    scale: tuple[float, ...] = ()
    """(C,) standard deviation of each feature within the types."""
    limit: float = Field(default=0.0, ge=0)
    """What is farther than this from each mean is of no known type."""
    parts: dict[str, int] = {}
    """Number of physical parts in the training whose defects were learned from, for each name."""
    too_rare: dict[str, int] = {}
    """The same for the types that are not told apart, for want of parts."""
    split: str = "val"
    confusion: tuple[tuple[int, ...], ...] = ()
    """(K + 1, K + 1) images of the validation part. Rows: the type in the data, in the order of the names,
    then all other types. Columns: the type that their region is called, then unknown."""
    without_region: int = Field(default=0, ge=0)
    """Defects of the validation part that show no region; they are in no row."""

    @model_validator(mode="after")
    def _fits_together(self) -> "DefectTypes":
        count, channels = len(self.names), len(self.scale)
        square = (count + 1,) * (count + 1) if count else ()
        if (
            count == 1
            or len(self.means) != count
            or len(set(self.names)) != count
            or any(len(mean) != channels for mean in self.means)
            or any(value <= 0 for value in self.scale)
            or tuple(map(len, self.confusion)) != square
        ):
            raise ValueError("names, means, scale and confusion do not fit together")
        return self

    def nearest(self, features: NDArray[np.floating]) -> str:
        """The type of one region by its features, (C,), or "unknown"."""
        distances = np.linalg.norm(np.array(self.means) - features / np.array(self.scale), axis=1)
        closest = int(distances.argmin())
        return self.names[closest] if distances[closest] <= self.limit else UNKNOWN

    @property
    def tried(self) -> bool:
        """Whether there were defects to try the types on; a training with folds has no validation part."""
        return any(map(any, self.confusion))

    def accuracy(self, name: str) -> Accuracy:
        """How well a type is told apart.

        Raises:
            ValueError: there is no such type.
        """
        at, counts = self.names.index(name), np.array(self.confusion)
        return Accuracy(int(counts[at, at]), int(counts[at].sum()), int(counts[:, at].sum()))


def features_of(
    region: Region, inside: NDArray[np.bool_], evidence: FloatMap, grids: Sequence[Grid]
) -> NDArray[np.float64] | None:
    """(C,): the features of a region; see `pooled`.

    Args:
        region: the region.
        inside: (h, w), where in its box it lies.
        evidence: (H, W) of the whole image, at least 0.
        grids: of the image, or of some of its tiles.
    """
    x, y, width, height = region.box
    weights = np.where(inside, evidence[y : y + height, x : x + width], np.float32(0))
    return pooled(grids, Window(weights, y, x))


def pooled(grids: Sequence[Grid], evidence: Window) -> NDArray[np.float64] | None:
    """(C,): the mean of the features, weighted by the evidence of one region.

    Args:
        grids: of the whole image, or of some tiles; the first that shows the whole region counts.
        evidence: (h, w) that of the region, 0 outside.

    Returns:
        None if no grid has features and shows the whole region.
    """
    bottom, right = evidence.top + evidence.pixels.shape[0], evidence.left + evidence.pixels.shape[1]
    for grid in grids:
        tile = grid.tile
        shown = tile.top <= evidence.top and tile.left <= evidence.left
        shown = shown and bottom <= tile.top + tile.height and right <= tile.left + tile.width
        if grid.features is not None and shown:
            weights = on_grid(evidence, grid, grid.features.shape[1:]).astype(np.float64)
            total = float(weights.sum())
            return np.einsum("chw,hw->c", grid.features, weights) / total if total > 0 else None
    return None


def types_of(bundle: Bundle) -> DefectTypes | None:
    """The types of defects that a bundle tells apart; None: an older version wrote it.

    Raises:
        GainspectError: they cannot be read.
    """
    return section_of(bundle, TYPES, DefectTypes)


def content_of_types(types: DefectTypes) -> bytes:
    """The content of `defect_types.json`."""
    return (json.dumps(types.model_dump(mode="json"), ensure_ascii=False) + "\n").encode()


def require_types(rules: RegionRules, bundle: Bundle) -> None:
    """Refuse rules on types that a bundle does not tell apart, or not as well as the rules ask for.

    Raises:
        GainspectError: see above; the message has the figures.
    """
    types = types_of(bundle)
    named = [rule.name for rule in rules.rules if rule.when.type is not None]
    if named and (types is None or not types.names):
        why = "was written by an older version" if types is None else "has too few defects of two types"
        raise GainspectError(
            f"the rule {named[0]!r} is on a type of defect, but the bundle tells none apart: it {why}",
            where=bundle.path,
            hint="Fill in the column `defect_type`, train, and export again; or leave the rule out.",
        )
    for name, needed in rules.types.items():
        assert types is not None
        if name not in types.names:
            rare = (
                f" ({types.too_rare[name]} parts are too few to learn it)" if name in types.too_rare else ""
            )
            raise GainspectError(
                f"a rule names the type {name!r}, which the bundle does not know{rare}",
                where=bundle.path,
                hint=f"It knows {', '.join((*types.names, UNKNOWN))}.",
            )
        found = types.accuracy(name)
        if not found.of_type:
            raise GainspectError(
                f"a rule needs the type {name!r} with an accuracy of {needed:g}, but that is not known: no "
                "defect of it was in a validation part",
                where=bundle.path,
                hint="Train with a validation part that has such defects; or leave the rule out.",
            )
        if found.value < needed:
            raise GainspectError(
                f"a rule needs the type {name!r} with an accuracy of {needed:g}, but on {types.split} it has "
                f"{found.value:.2f}: {found.recognized} of its {found.of_type} defects are called so, "
                f"among {found.called} in all",
                where=bundle.path,
                hint="More parts of this type would help; or leave the rule out.",
            )
