"""Decisions on the parts of a watched folder as lines of a folder, where there is no ledger."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gainspect.data.taken import DECISIONS, SETTINGS, VERDICTS
from gainspect.errors import GainspectError
from gainspect.feeds.line_file import LineFile
from gainspect.inspection.records.stores import lock_of
from gainspect.jobs.watched_parts import JudgedPart


class RecordedLines:
    """OUT/verdicts.jsonl, a line for each image, and OUT/decisions.jsonl, a line for each part.

    The lines are those of an inspection, with the key of the decision. A part is recorded once its line in
    decisions.jsonl is on the disk; lines of images that a kill left without one are taken away.

    Args:
        out: the folder, made if it is not there.

    Raises:
        GainspectError: another process writes there, it holds the verdicts of an inspection, or it cannot be
            written.
    """

    def __init__(self, out: Path) -> None:
        with ExitStack() as opened:
            opened.enter_context(lock_of(out))
            if (out / SETTINGS).exists():
                raise GainspectError(
                    "the verdicts there are those of an inspection", where=out, hint="Choose another --out."
                )
            self._verdicts = opened.enter_context(LineFile(out / VERDICTS))
            self._decisions = opened.enter_context(LineFile(out / DECISIONS))
            self._last = _last_key(self._decisions)
            self._cut()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        """The lines themselves, whose files are closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them, whatever happened."""
        self._opened.close()

    def has(self, key: str) -> bool:
        """Whether the part that was recorded last has this key: others are not recorded again."""
        return key == self._last

    def append(self, judged: JudgedPart) -> None:
        """Record a part, unless it is; when this returns, that is on the disk.

        Raises:
            GainspectError: it cannot be written. It can be repeated.
        """
        key = judged.claim.key
        if self.has(key):
            return
        self._cut()
        part = {"part": judged.record["part"], "key": key}
        self._verdicts.append({**image, **part} for image in judged.images)
        said: Mapping[str, Any] = {"key": key, "at": judged.at.isoformat(timespec="microseconds")}
        self._decisions.append([{**judged.record, **said}])
        self._last = key

    def _cut(self) -> None:
        """Take lines of images away that belong to no decision: they come last."""
        end = self._verdicts.end
        for begin, line in self._verdicts.backwards():
            if _key_of(line, self._verdicts) == self._last:
                break
            end = begin
        if end < self._verdicts.end:
            self._verdicts.cut(end)


def _last_key(decisions: LineFile) -> str | None:
    for _, line in decisions.backwards():
        return _key_of(line, decisions)
    return None


def _key_of(line: Mapping[str, Any], lines: LineFile) -> str:
    """The key of the decision that a line belongs to.

    Raises:
        GainspectError: it has none: somebody else wrote it, and it is not ours to take away.
    """
    key = line.get("key")
    if not isinstance(key, str):
        raise GainspectError(
            "its lines are not those of a watched folder", where=lines.path, hint="Choose another --out."
        )
    return key
