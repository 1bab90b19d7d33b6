"""Decided files that still lie in the watched folder: all with --keep, else those that cannot be moved."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from gainspect.errors import GainspectError, first_fault
from gainspect.feeds.line_file import LineFile
from gainspect.feeds.settled import FileState, state_of
from gainspect.files import atomic_path
from gainspect.inspection.records.journal import line_of


@dataclass(frozen=True)
class Mark:
    """A decided file."""

    name: str
    """Relative to the watched folder, with forward slashes."""
    size: int
    mtime_ns: int
    """The file as it was decided (`settled.FileState`): with other content it is a new image."""
    goes_to: str
    """The folder, of those of decided files, that it belongs in."""
    reason: str | None = None
    """Why it could not be judged."""

    @property
    def state(self) -> FileState:
        """The file as it was decided."""
        return FileState(self.size, self.mtime_ns)


class Marks:
    """Marks in a file of lines, of which the last of a name counts.

    Args:
        path: of the file.
        folder: that is watched. Marks of files that are not there any more, or are others now, are forgotten.

    Raises:
        GainspectError: it cannot be read or written, or holds no marks.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self._marks: dict[str, Mark] = {}
        seen = set[str]()
        with LineFile(path) as lines:
            for _, line in lines.backwards():
                if line.get("name") in seen:
                    continue
                seen.add(line.get("name", ""))
                if not line.get("gone"):
                    (mark,) = marks_in([line], path)
                    if _may_lie_in(folder, mark):
                        self._marks[mark.name] = mark
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.writelines(line_of(asdict(mark)) for mark in self._marks.values())
        self._lines = LineFile(path)

    def __enter__(self) -> Self:
        """The marks themselves, whose file is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, whatever happened."""
        self._lines.close()

    def has(self, name: str, state: FileState) -> bool:
        """Whether a file was decided as it is."""
        mark = self._marks.get(name)
        return mark is not None and mark.state == state

    def all(self) -> list[Mark]:
        """All marks."""
        return list(self._marks.values())

    def add(self, marks: Sequence[Mark]) -> None:
        """Mark files; when this returns, that is on the disk.

        Raises:
            GainspectError: it cannot be written.
        """
        if marks:
            self._lines.append(map(asdict, marks))
            self._marks.update({mark.name: mark for mark in marks})

    def remove(self, mark: Mark) -> None:
        """Forget a file that does not lie there any more: the same one may come back.

        Raises:
            GainspectError: it cannot be written.
        """
        self._lines.append([{"name": mark.name, "gone": True}])
        self._marks.pop(mark.name, None)


def _may_lie_in(folder: Path, mark: Mark) -> bool:
    """Whether a file is there as it was decided; also if that cannot be told now."""
    try:
        return state_of(folder / mark.name) == mark.state
    except OSError:
        return True


def marks_in(records: Any, where: Path) -> list[Mark]:
    """Marks from JSON types.

    Raises:
        GainspectError: they are none.
    """
    try:
        return TypeAdapter(list[Mark]).validate_python(records)
    except ValidationError as error:
        raise GainspectError(
            f"this says nothing of decided files ({first_fault(error)})",
            where=where,
            hint="Move the file elsewhere; what lies in the folder is then decided again.",
        ) from error
