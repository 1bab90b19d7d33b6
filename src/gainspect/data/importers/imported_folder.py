"""A folder that an import makes: it appears complete or not at all, and is not made again in vain."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gainspect.data.image_header import require_limit
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.conversion import MANIFEST, carry_out
from gainspect.data.importers.plan import plan
from gainspect.data.importers.registry import AS_FOUND, importer_of
from gainspect.data.importers.source import Source, stamp
from gainspect.errors import GainspectError
from gainspect.files import cannot_write, locked, write_json
from gainspect.names import escaped

RECORD = "import.json"
"""What a folder was imported from, with which choices, and what came of it."""
_VERSION = 2
"""Of what is written; another one is imported again."""
_LOCK = ".lock"

Progress = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""Shows a title and a number of images, and gives what to call after each image."""


@dataclass(frozen=True)
class Imported:
    """An imported folder and what is known of it."""

    folder: Path
    record: dict[str, Any]
    """What its file `RECORD` holds."""
    unchanged: bool = False
    """Whether it was there already, from the same source and choices."""

    @property
    def manifest_file(self) -> Path:
        """Its manifest."""
        return self.folder / MANIFEST

    @classmethod
    def of(cls, data: Path) -> "Imported | None":
        """The import that made a data folder, or that of a manifest; None: no import did.

        Raises:
            GainspectError: its record is damaged.
        """
        folder = data.parent if data.is_file() else data
        file = folder / RECORD
        if not file.is_file():
            return None
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            record["source"], record["format"], record["key"], record["manifest"]
            record["choices"], record["outcome"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GainspectError(f"cannot read the file ({error})", where=file) from error
        return cls(folder, record)

    @property
    def source(self) -> Path:
        """What was imported."""
        return Path(self.record["source"])

    @property
    def masks_as_found(self) -> bool:
        """Whether its masks are files of the source that their user made (`AS_FOUND`), and none was drawn."""
        drawn = self.record["outcome"].get("drawn", 0)  # older imports did not count
        return self.record["format"] in AS_FOUND and not drawn

    @property
    def choices(self) -> Choices:
        """What was said besides the labels."""
        return Choices.from_json(self.record["choices"])

    @property
    def outside(self) -> dict[Path, str]:
        """The stamps that files have now which it depends on and which lie outside of its source."""
        return {file: stamp(file) for file in map(Path, self.record.get("outside", ()))}

    @property
    def edited(self) -> bool:
        """Whether somebody changed its manifest."""
        return _sha256(self.manifest_file) != str(self.record["manifest"])


def import_source(
    path: Path,
    choices: Choices,
    out: Path,
    progress: Progress,
    *,
    require: Callable[[Path], None] = lambda folder: None,
) -> Imported:
    """Import a folder of images and labels, or a file of labels.

    It is written beside `out` and moved there when it is complete; an older import is replaced then. Nothing
    is done if what it depends on is as it was for the import there: see `_key`.

    Args:
        path: what to import.
        choices: what the labels do not say.
        out: the folder to make.
        progress: shows how far it is.
        require: called with the folder before it takes its place; what it raises leaves all as it was.

    Raises:
        GainspectError: the labels cannot be read or leave something open, `out` holds something else or an
            edited manifest, or it cannot be written.
    """
    out = out.resolve() if out.name in ("", "..") else out
    source = Source(path)
    within = _stamps_of(source)
    there = _replaceable(out, source)
    if there is not None and there.record["key"] == _key(source, choices, within | there.outside):
        return Imported(there.folder, there.record, unchanged=True)
    importer = importer_of(source, choices.format)
    made = plan(source, importer, choices)
    partial, _ = (out.absolute().with_name(name) for name in partial_names(out.absolute().name))
    busy = f"another import is writing {out}"
    with locked(partial / _LOCK, busy=busy, hint="Wait for its end, or choose another --out."):
        try:
            _clear(partial)
            with progress("Importing", made.count) as on_image:
                outcome = carry_out(made, partial, on_image)
            record = {
                "version": _VERSION,
                "source": str(path.absolute()),
                "format": importer.name,
                "choices": choices.to_json(),
                "key": _key(source, choices, within | source.outside),
                "outside": [str(file) for file in sorted(source.outside)],
                "manifest": _sha256(partial / MANIFEST),
                "classes": {name: str(role) for name, role in made.roles.of.items()},
                "guessed": list(made.roles.guessed),
                "stated": list(made.roles.stated),
                "rest": list(made.roles.rest),
                "bare": made.found.bare,
                "one_class": made.labels.one_class,
                "remarks": outcome.remarks,
                "outcome": outcome.to_json(),
            }
            write_json(partial / RECORD, record)
            require(partial)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    _appear(partial, out)
    return Imported(out, record)


def data_name(folder: Path) -> str:
    """What a data folder is called: as what it was imported from, or by its own name; as `escaped`."""
    imported = Imported.of(folder)
    return escaped((folder.resolve() if imported is None else imported.source).name)


def partial_names(name: str) -> tuple[str, str]:
    """What lies beside a folder of this name while it is imported: the one being made, and the one before."""
    return f".{name}.partial", f".{name}.old"


def _replaceable(out: Path, source: Source) -> Imported | None:
    """The import that is there and may be replaced; None: nothing is there.

    Raises:
        GainspectError: something else is there, its manifest was edited, or it lies in the source.
    """
    root = source.root.resolve()
    # Both where its name lies and where a link of that name leads: the folder is made beside its name.
    for place in (out.absolute().parent.resolve() / out.name, out.resolve()):
        if place.is_relative_to(root):
            hint = f"Choose another one with --out, outside of {root}."
            raise GainspectError("the folder lies in its source", where=out, hint=hint)
    if not out.exists() and not out.is_symlink():
        return None
    there = Imported.of(out) if out.is_dir() else None
    if there is None:
        if out.is_dir() and not any(out.iterdir()):
            return None
        raise GainspectError(
            "there is something that no import made", where=out, hint="Choose another name with --out."
        )
    if there.edited:
        raise GainspectError(
            f"{MANIFEST} was changed since the import",
            where=out,
            hint="Use it as it is, or choose another name with --out.",
        )
    return there


def _stamps_of(source: Source) -> dict[Path, str]:
    files = {*source.images, *(item.path for item in source.others), *source.labels}
    return {file: stamp(file) for file in files}


def _key(source: Source, choices: Choices, stamps: Mapping[Path, str]) -> str:
    """Tells an import from another one, by all that it depends on.

    Args:
        source: the source.
        choices: what its labels do not say.
        stamps: of each file in the source, and of each outside of it that its reader looks for.
    """
    said = [_VERSION, choices.to_json(), require_limit()]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(os.fsencode(source.path.absolute()))
    for file, told in sorted(stamps.items()):
        digest.update(b"\0" + os.fsencode(file) + b"\0" + told.encode())
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _clear(partial: Path) -> None:
    """Leave nothing but the lock."""
    for entry in partial.iterdir():
        if entry.name == _LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _appear(partial: Path, out: Path) -> None:
    """Put the complete folder in its place; what an earlier import made goes."""
    (partial / _LOCK).unlink()
    _, old = (out.absolute().with_name(name) for name in partial_names(out.absolute().name))
    try:
        shutil.rmtree(old, ignore_errors=True)
        if out.is_dir():
            out.rename(old)
        partial.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise cannot_write(out, error) from error
