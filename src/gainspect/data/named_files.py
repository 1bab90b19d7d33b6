"""From the name in a table to the file on the disk, whichever system wrote the name."""

import contextlib
import os
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.names import composed, escaped, unescaped


class NamedFiles:
    """Finds the files that a table names, whichever system wrote the names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def named(self, name: str, kind: str, where: str) -> Path:
        """The file of a name, in whichever Unicode form it lies there.

        The name is tried as written, without blanks around it, as `escaped` writes names, and with
        backslashes for slashes.

        Args:
            name: relative to the root, or absolute.
            kind: what it is, for the error.
            where: named in the error.

        Raises:
            GainspectError: there is no such file, or there are several that differ in Unicode form only.
        """
        forms = [form for bare in (name, name.strip()) for form in (unescaped(bare), bare)]
        forms += [form.replace("\\", "/") for form in forms]
        for form in dict.fromkeys(forms):
            if "\0" not in form and is_file(self.root / form):
                return self.root / form
        for form in dict.fromkeys(forms):
            if (found := self._in_another_form(form, where)) is not None:
                return found
        raise GainspectError(
            f"{kind} {name.strip()!r} does not exist", where=where, hint=self._advice(Path(forms[-1]))
        )

    def _in_another_form(self, name: str, where: str) -> Path | None:
        place = self.root
        for piece in Path(name).parts:
            if exists(place / piece):
                place = place / piece
                continue
            alike = self._names_in(place).get(composed(piece), [])
            if len(alike) > 1:
                raise GainspectError(
                    f"{name!r} names {len(alike)} files that differ in their Unicode form only",
                    where=where,
                    hint="Rename one of them.",
                )
            if not alike:
                return None
            place = place / alike[0]
        return place if is_file(place) else None

    def _names_in(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._listed:
            names: dict[str, list[str]] = {}
            with contextlib.suppress(OSError):
                for entry in sorted(folder.iterdir()):
                    names.setdefault(composed(entry.name), []).append(entry.name)
            self._listed[folder] = names
        return self._listed[folder]

    def _advice(self, name: Path) -> str:
        for there in self._names_in((self.root / name).parent):
            if there.casefold() == composed(name.name).casefold() and there != composed(name.name):
                return f"There is {there!r}: case counts."
            if composed(_as_cp949(there)) == composed(name.name):
                return f"There is {escaped(there)}, in CP949: rename it to UTF-8 (convmv -f cp949 -t utf-8)."
        if is_file(name):
            return f"Names are relative to {self.root}, not to the working folder."
        return f"Names are relative to {self.root}."


def _as_cp949(name: str) -> str:
    """A name whose bytes are not UTF-8, as Korean Windows means it; "" if they are."""
    if not any("\udc80" <= sign <= "\udcff" for sign in name):
        return ""
    try:
        return os.fsencode(name).decode("cp949")
    except UnicodeError:
        return ""


def is_file(path: Path) -> bool:
    """As `Path.is_file`; False for what cannot be a name (too long)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """As `Path.exists`; False for what cannot be a name."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
