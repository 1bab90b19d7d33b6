"""A folder of images and labels as it was given: listed once, its files found by the names in the labels."""

import json
import re
from collections import defaultdict
from collections.abc import Collection
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

import yaml

from gainspect.data.tables import likely_encoding
from gainspect.data.taken import Found, NotTaken, files_below
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped

_LABEL_SUFFIXES = (".json", ".jsonl", ".xml", ".txt", ".yaml", ".yml", ".csv", ".tsv")
_LABEL_FOLDERS = frozenset({"annotations", "annotation", "labels", "label", "json"})
_ABSOLUTE = re.compile(r"^([A-Za-z]:[\\/]|[\\/]|[a-z]+://)")
ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
"""Suffixes of files that are not looked into."""
UNPACK = "Unpack it, and give the folder that it makes."
MOST_BYTES = 2**30
"""Of a file of labels."""

FOUND_BY_NAME = "found by its name, not by its path"
NOT_THERE = "its image is not there"
SEVERAL = "several images have its name"
MAY_BE_MEANT = "labels may be of it, or of another image with its name"


class Match(NamedTuple):
    """The image that a name in the labels means."""

    file: Path | None
    """None: there is none, or several may be meant."""
    note: str = ""
    """What is odd about it, a short clause: `FOUND_BY_NAME`; or why there is none."""


class Source:
    """What somebody has, a folder or one file of labels in it.

    Attributes:
        root: the folder; of a file, its own folder or, in one called annotations/ or labels/, the one above.
        only: the file of labels that was named; None: all.
        used: the files of labels and masks that were read so far. Readers need not fill it: reading through
            `text`, `json` and `content` does.
        unclear: images that some labels may mean, with the reason why they are of none: they are not taken,
            lest one with a defect pass for an image without labels. `image` and `image_of_stem` fill it.
        outside: files outside of the folder that a reader looks for, with the `stamp` of each: an import
            depends on them too, and on that they are not there. `beyond` fills it.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise GainspectError(
                "there is no such file or folder", where=path, hint="Give a folder of images and labels."
            )
        if path.is_file() and path.suffix.lower() in ARCHIVES:
            raise GainspectError("this is an archive", where=path, hint=UNPACK)
        self.path = path
        self.only = None if path.is_dir() else path
        folder = path if path.is_dir() else path.parent
        inside = self.only is not None and folder.name.casefold() in _LABEL_FOLDERS
        self.root = folder.parent if inside else folder
        self.used: set[Path] = set()
        self.unclear: dict[Path, str] = {}
        self.outside: dict[Path, str] = {}
        self._parsed: dict[Path, Any] = {}

    @cached_property
    def _found(self) -> Found:
        return files_below(self.root)

    @property
    def images(self) -> list[Path]:
        """All image files, masks among them, in order of their paths. See `data.taken.files_below`."""
        return self._found.images

    @property
    def others(self) -> list[NotTaken]:
        """All that is no image, labels among it, with its reason."""
        return self._found.not_taken

    @cached_property
    def labels(self) -> list[Path]:
        """Files that may hold labels, in order of their paths; only the named one, if one was named."""
        if self.only is not None:
            return [self.only]
        return sorted(item.path for item in self.others if item.why in _LABEL_SUFFIXES)

    def with_suffix(self, *suffixes: str) -> list[Path]:
        """Files that may hold labels and have one of these suffixes, in any case."""
        return [file for file in self.labels if file.suffix.lower() in suffixes]

    def some(self, *suffixes: str, most: int = 8) -> list[Path]:
        """A few of `with_suffix` to recognize a format by, the longest first."""
        sizes = {file: file.stat().st_size for file in self.with_suffix(*suffixes)}
        return sorted(sizes, key=lambda file: (-sizes[file], file))[:most]

    def folder(self, *names: str) -> Path | None:
        """The folder of the root that has one of these names, in any case; None: there is none."""
        below = sorted(entry for entry in self.root.iterdir() if entry.is_dir())
        return next((entry for entry in below if composed(entry.name).casefold() in names), None)

    def content(self, file: Path) -> bytes:
        """The bytes of a file.

        Raises:
            GainspectError: it cannot be read, or is longer than any labels are.
        """
        self.used.add(file)
        try:
            if file.stat().st_size > MOST_BYTES:
                raise GainspectError("the file is longer than 1 GiB", where=file, hint="Export in parts.")
            return file.read_bytes()
        except OSError as error:
            raise GainspectError(f"cannot read the file ({error.strerror})", where=file) from error

    def beyond(self, file: Path) -> Path | None:
        """A file outside of the folder that labels may depend on; None: it is not there."""
        self.outside.setdefault(file, stamp(file))
        return file if file.is_file() else None

    def head(self, file: Path) -> bytes:
        """The first 4 KiB of a file, for recognizing; none where it cannot be read."""
        try:
            with file.open("rb") as opened:
                return opened.read(4096)
        except OSError:
            return b""

    def text(self, file: Path) -> str:
        """The text of a file, UTF-8 with or without a byte-order mark.

        Raises:
            GainspectError: see `content`; or it is other text.
        """
        try:
            content = self.content(file)
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise GainspectError(
                f"the file is not UTF-8 text{likely_encoding(content)} (line {line}, byte {error.start + 1})",
                where=file,
                hint="Save it as UTF-8.",
            ) from error

    def json(self, file: Path) -> Any:
        """The content of a JSON file; the last one is remembered.

        Raises:
            GainspectError: see `text`; or it is not JSON.
        """
        if file not in self._parsed:
            try:
                parsed = json.loads(self.text(file))
            except json.JSONDecodeError as error:
                raise GainspectError(
                    f"the file is not JSON: {error.msg} (line {error.lineno}, column {error.colno})",
                    where=file,
                    hint="Export it again.",
                ) from error
            except (RecursionError, ValueError) as error:
                raise GainspectError(f"the file cannot be read as JSON ({error})", where=file) from error
            self._parsed = {file: parsed}
        self.used.add(file)
        return self._parsed[file]

    def looks_like_json(self, file: Path) -> Any | None:
        """As `json`, for recognizing: None where it cannot be read."""
        try:
            return self.json(file)
        except GainspectError:
            return None

    def xml(self, file: Path) -> Element:
        """The root element of an XML file.

        Raises:
            GainspectError: see `content`; or it is not XML.
        """
        try:
            return fromstring(self.content(file))
        except (ParseError, ValueError, LookupError) as error:
            raise GainspectError(
                f"the file is not XML ({error})", where=file, hint="Export it again."
            ) from error

    def yaml(self, file: Path) -> Any:
        """The content of a YAML file.

        Raises:
            GainspectError: see `text`; or it is not YAML.
        """
        try:
            return yaml.safe_load(self.text(file))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            shown = " ".join(str(error).split())
            raise GainspectError(f"the file is not YAML ({shown})", where=file) from error

    def named(self, file: Path) -> str:
        """The name of a file in messages and tables: its path relative to the root, as `escaped`."""
        try:
            return escaped(file.relative_to(self.root).as_posix())
        except ValueError:
            return escaped(file.as_posix())

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for image in self.images:
            found[composed(image.name).casefold()].append(image)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for image in self.images:
            found[composed(image.stem).casefold()].append(image)
        return found

    @cached_property
    def _by_place(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for image in self.images:
            found[composed(image.with_suffix("").as_posix())].append(image)
        return found

    def images_at(self, place: Path) -> list[Path]:
        """The images at a path that is written without its suffix, whichever suffix they have."""
        return self._by_place.get(composed(place.as_posix()), [])

    def image(self, name: str, labels: Path, *, among: Collection[Path] | None = None) -> Match:
        """The image that labels name: beside, above or below them, whichever system wrote the path.

        Of several images with the name, the one counts whose path has most of the written folders; then the
        one nearest to the labels.

        Args:
            name: a file name or path, as written.
            labels: the file that names it.
            among: images that may be meant; None: all.
        """
        written = [piece for piece in re.split(r"[\\/]+", composed(name.strip())) if piece not in ("", ".")]
        if not written:
            return Match(None, NOT_THERE)
        alike = self._by_name.get(written[-1].casefold(), [])
        alike = [image for image in alike if among is None or image in among]
        exact = [image for image in alike if composed(image.name) == written[-1]]
        return self._nearest(exact or alike, written, labels, absolute=bool(_ABSOLUTE.match(name.strip())))

    def image_of_stem(self, stem: str, labels: Path, *, among: Collection[Path] | None = None) -> Match:
        """As `image`, for labels that name their image by the stem of its file (YOLO, VOC).

        Args:
            stem: the name without its suffix.
            labels: the file that names it.
            among: images that may be meant; None: all.
        """
        alike = self._by_stem.get(composed(stem).casefold(), [])
        alike = [image for image in alike if among is None or image in among]
        exact = [image for image in alike if composed(image.stem) == composed(stem)]
        return self._nearest(
            exact or alike, [composed(exact[0].name) if exact else stem], labels, absolute=False
        )

    def several(self, images: Collection[Path]) -> Match:
        """No image, as several may be meant; none of them is taken for one without labels."""
        self.unclear |= dict.fromkeys(images, MAY_BE_MEANT)
        return Match(None, SEVERAL)

    def _nearest(self, alike: list[Path], written: list[str], labels: Path, *, absolute: bool) -> Match:
        if not alike:
            return Match(None, NOT_THERE)
        folders = [piece for piece in written[:-1] if piece != ".."]

        def nearness(image: Path) -> tuple[int, int]:
            there = [composed(piece) for piece in image.relative_to(self.root).parent.parts]
            same = 0
            while same < min(len(there), len(folders)) and there[-1 - same] == folders[-1 - same]:
                same += 1
            return same, _shared(image, labels)

        ranked = sorted(alike, key=nearness, reverse=True)
        if len(ranked) > 1 and nearness(ranked[0]) == nearness(ranked[1]):
            return self.several([i for i in ranked if nearness(i) == nearness(ranked[0])])
        best = ranked[0]
        by_path = not absolute and nearness(best)[0] == len(folders)
        return Match(best, "" if by_path and composed(best.name) == written[-1] else FOUND_BY_NAME)


def stamp(file: Path) -> str:
    """Tells a file from what it was before, by length and time."""
    try:
        seen = file.stat()
    except OSError:
        return "not there"
    return f"{seen.st_size} {seen.st_mtime_ns}"


def _shared(one: PurePath, other: PurePath) -> int:
    """How many folders two paths begin with together."""
    shared = 0
    for a, b in zip(one.parent.parts, other.parent.parts, strict=False):
        if a != b:
            break
        shared += 1
    return shared
