"""Columns of labels that a manifest keeps, under names that it cannot mistake."""

from collections.abc import Mapping

from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import COLUMNS
from gainspect.data.tables import fold_header, meant_by


class FreeColumns:
    """Renames columns that resemble one of the manifest's own, such as `serial`, which may be the group.

    Attributes:
        remarks: sentences on those that may be meant for the group or the part.
    """

    def __init__(self, choices: Choices) -> None:
        self.remarks: list[str] = []
        self._choices = choices
        self._names: dict[str, str] = {}

    def renamed(self, columns: Mapping[str, str]) -> dict[str, str]:
        """The same values under the names that the manifest has for them."""
        return {self._name(name): value for name, value in columns.items()}

    def _name(self, name: str) -> str:
        if name not in self._names:
            meant = fold_header(name) if fold_header(name) in COLUMNS else meant_by(name, COLUMNS)
            kept = self._names[name] = name if meant is None else f"source_{name}"
            if meant in ("group", "part") and getattr(self._choices, meant) is None:
                self.remarks.append(
                    f"The column {name} may be the {meant}: --{meant} {name} takes it. It is kept as {kept}."
                )
        return self._names[name]
