"""The bundle: one file with a trained inspector and everything its verdicts depend on.

It is a zip archive (or the folder it was unpacked to): `bundle.json`, the files listed there with their
SHA-256 and size, and `bundle.json.sha256`, a line that `sha256sum -c` reads. It contains no pickle and no
code.

A bundle may come from anyone, so nothing of it is unpacked before it is known how much that will be: first
the directory is looked at, then seal and description are read, then the listed files up to their listed
sizes.
"""

import hashlib
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gainspect.data.depth import Depth
from gainspect.data.good_parts import GoodParts
from gainspect.data.seen import SEEN, SeenImages
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError, first_fault
from gainspect.files import atomic_path
from gainspect.policy import Policy

SCHEMA_VERSION = 2
"""2: sizes beside hashes; `seen.json`."""
DESCRIPTION, SEAL = "bundle.json", "bundle.json.sha256"
SUFFIX = ".gain"
GOLDEN = "golden.npz"
"""Probe images and the torch model's predictions for them (the golden predictions)."""
GOOD_PARTS = "good_parts.png"
"""Frames of good parts that the repairs of the reason check may come from."""
PARITY = "parity.json"
"""How each format compares with the trained model."""
_MAX_BYTES = 2**32
"""Of all files of a bundle."""
_MAX_DESCRIPTION, _MAX_SEAL = 2**20, 1024
"""Bytes of bundle.json and of its seal; real ones have some thousand and 79."""
_MAX_DEPTH = 32
"""Of nested values in bundle.json."""
_MAX_FILES = 1000
_MAX_RATIO, _SLACK = 16, 2**24
"""A zip may unpack to this many times its own size, and so many bytes more. Networks hardly shrink."""
_MAX_DIRECTORY = 2**18
"""Bytes of the zip's directory."""
_ZIP_END, _ZIP64, _ZIP_TAIL = b"PK\5\6", b"PK\6\7", 2**16 + 22 + 20
_DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
"""Exceptions that zipfile raises for damaged files."""

_Told = TypeVar("_Told", bound=BaseModel)
Format = Literal["onnx", "openvino", "openvino-int8", "torch"]


def _file_name(name: str) -> str:
    """A name that stays in the folder that the bundle is unpacked to, on every system."""
    steps = name.split("/")
    if (
        not name.isprintable()
        or len(name) > 200
        or any(sign in name for sign in '\\:*?"<>|')
        or any(step.strip(". ") == "" for step in steps)
        or name.casefold() in (DESCRIPTION, SEAL)
    ):
        raise ValueError(f"{name[:80]!r} is not a name that a file of a bundle may have")
    return name


FileName = Annotated[str, AfterValidator(_file_name)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Preprocessing(_Section):
    """How an image is turned into the graph's input; normalization is part of the graph."""

    method: Literal["letterbox"] = "letterbox"
    size: int = Field(ge=32, le=4096)
    """Side of the square input, pixels."""
    padding: int = Field(ge=0, le=255)
    """Gray value of the border."""
    tile: int | None = Field(default=None, ge=1)
    """Side of the tiles that an image is cut into, in pixels of the original; None: no tiling."""
    overlap: float = Field(default=0.0, ge=0, lt=1)
    """Smallest overlap of neighboring tiles, as a share of a tile's side."""

    bits: int | None = Field(default=None, ge=8, le=16)
    """How many of their bits 16-bit images use; None: the training had none, and they are refused."""
    darkest: int = Field(default=0, ge=0, le=65535)
    """The largest value of the darkest 16-bit image of the training; far darker ones are refused."""

    @property
    def depth(self) -> Depth | None:
        """How 16-bit images are read; None: they are refused."""
        return None if self.bits is None else Depth(self.bits, self.darkest)

    @property
    def tiling(self) -> Tiling | None:
        """How an image is cut into tiles; None: the network sees it whole."""
        return None if self.tile is None else Tiling(self.tile, self.overlap)

    def __str__(self) -> str:
        frame = f"letterboxed to {self.size} × {self.size} px"
        if self.tile is not None:
            frame = f"tiles of {self.tile} px, {self.overlap:.0%} overlapping, each {frame}"
        return frame if self.depth is None else f"{frame}; 16-bit images use {self.depth}"


class Graph(_Section):
    """The outputs of the network."""

    outputs: tuple[str, ...]
    evidence_bias: float
    """The sum of the contributions plus this bias is the logit of P(NG)."""


class Description(_Section):
    """The content of `bundle.json`."""

    schema_version: int
    name: str
    created: str
    """Time of creation, UTC, ISO 8601."""
    gainspect: str
    """Version of gainspect that wrote the bundle."""
    strategy: str
    classes: tuple[Literal["ok"], Literal["ng"]] = ("ok", "ng")
    """What the score tells apart; others are not known, and refused."""
    preprocessing: Preprocessing
    graph: Graph
    policy: Policy
    formats: dict[Format, tuple[str, ...]]
    """The files of each format."""
    training: dict[str, Any]
    """Configuration, environment and result of the training."""
    data: dict[str, Any]
    """Fingerprint and size of the training data."""
    files: dict[FileName, Sha256]
    """SHA-256 of every other file of the bundle, hexadecimal."""
    sizes: dict[FileName, Annotated[int, Field(ge=0, le=_MAX_BYTES)]] = {}
    """Bytes of every other file of the bundle; empty in bundles that older versions wrote."""

    @model_validator(mode="after")
    def _sizes_of_all_files(self) -> "Description":
        if self.sizes and self.sizes.keys() != self.files.keys():
            raise ValueError("files and sizes do not list the same names")
        return self

    @property
    def network_sha256(self) -> str:
        """SHA-256, hexadecimal, of what the network is: the hashes of the files of all formats.

        It is that of the lines that `sha256sum` prints of these files in the order of their names. Another
        policy does not change it.
        """
        graphs = sorted({name for names in self.formats.values() for name in names})
        lines = "".join(f"{self.files.get(name, '')}  {name}\n" for name in graphs)
        return _sha256(lines.encode())


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been read and verified."""

    path: Path
    description: Description
    sha256: str
    """SHA-256 of bundle.json, which contains all other hashes; it identifies the bundle in records."""
    contents: Mapping[str, bytes]
    """The content of every listed file, by name."""


def is_bundle(path: Path) -> bool:
    """Whether a path is meant as a bundle: a file, a name like NAME.gain, or an unpacked bundle."""
    return path.is_file() or path.suffix == SUFFIX or (path / DESCRIPTION).is_file()


def seen_of(bundle: Bundle) -> SeenImages | None:
    """The images that a bundle's model has seen; None: an older version wrote it without their hashes.

    Raises:
        GainspectError: the bundle's list of them cannot be read.
    """
    content = bundle.contents.get(SEEN)
    return None if content is None else SeenImages.from_json(content, bundle.path)


def good_parts_of(bundle: Bundle) -> GoodParts | None:
    """The good parts that repairs may come from; None: its policy has none.

    Raises:
        GainspectError: they are missing, or cannot be read.
    """
    reason, size = bundle.description.policy.reason, bundle.description.preprocessing.size
    if reason is None or not reason.good_parts:
        return None
    content = bundle.contents.get(GOOD_PARTS)
    if content is None:
        raise GainspectError(f"its policy asks for {GOOD_PARTS}, which it does not have", where=bundle.path)
    return GoodParts.unpacked(content, size, where=bundle.path)


def section_of(bundle: Bundle, name: str, section: type[_Told]) -> _Told | None:
    """One of the JSON files of a bundle; None: it has none of this name.

    Args:
        bundle: the bundle.
        name: of the file.
        section: what it is read as.

    Raises:
        GainspectError: it cannot be read.
    """
    content = bundle.contents.get(name)
    if content is None:
        return None
    try:
        return section.model_validate_json(content)
    except ValidationError as error:
        raise GainspectError(f"cannot read {name} ({first_fault(error)})", where=bundle.path) from error


def write_bundle(path: Path, description: Description, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle as a zip archive, atomically.

    Args:
        path: the file to write, usually NAME.gain.
        description: the content of bundle.json; this function fills in its `files` and `sizes`.
        contents: the content of every file, by name.

    Raises:
        GainspectError: the bundle cannot be written.
    """
    hashes = {name: _sha256(content) for name, content in sorted(contents.items())}
    sizes = {name: len(contents[name]) for name in hashes}
    description = description.model_copy(update={"files": hashes, "sizes": sizes})
    text = (json.dumps(description.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()
    sealed = {DESCRIPTION: text, SEAL: f"{_sha256(text)}  {DESCRIPTION}\n".encode(), **contents}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sealed.items():
            # The date is fixed, so that the same content gives the same file.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return Bundle(path, description, _sha256(text), contents)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle (a zip, or the folder it was unpacked to) and check every byte of it.

    It needs as much memory as the listed files, whatever else the zip or the folder contains.

    Raises:
        GainspectError: the bundle is missing, damaged, changed, incomplete, or has a newer schema, or it
            holds anything that does not belong to a bundle.
    """
    with _opened(path) as source:
        for name in (DESCRIPTION, SEAL):
            if name not in source.sizes:
                raise _incomplete(path, name)
        text = _read(source, path, DESCRIPTION, _MAX_DESCRIPTION)
        seal = _read(source, path, SEAL, _MAX_SEAL)
        sha256 = _sha256(text)
        if seal.split()[:1] != [sha256.encode()]:
            raise _refused(path, f"{DESCRIPTION} was changed (its SHA-256 is not the one in {SEAL})")
        description = _describe(path, text)
        _require_listed(path, description, source)
        contents = {name: source.read(name) for name in sorted(description.files)}
    for name, content in contents.items():
        if _sha256(content) != description.files[name]:
            raise _refused(path, f"{name} was changed (its SHA-256 is not the one in {DESCRIPTION})")
    return Bundle(path, description, sha256, contents)


def _require_listed(path: Path, description: Description, source: "_Source") -> None:
    """Refuse files that are missing, not listed, or of another size than listed, and too much of them."""
    for name in sorted(description.files.keys() | source.sizes.keys() - {DESCRIPTION, SEAL}):
        if name not in source.sizes:
            raise _refused(path, f"{name} is missing")
        if name not in description.files:
            raise _refused(path, f"{_shown(name)} does not belong to the bundle")
        if description.sizes and source.sizes[name] != description.sizes[name]:
            raise _refused(path, f"{name} was changed (it has not the size that {DESCRIPTION} lists)")
    listed = {name for names in description.formats.values() for name in names}
    if lost := sorted(listed - description.files.keys()):
        raise _refused(path, f"{lost[0]} is missing")
    total = sum(source.sizes[name] for name in description.files)
    if total > source.limit:
        raise _refused(
            path, f"it would unpack to {total / 2**20:,.0f} MiB, more than a bundle of its size can hold"
        )


def _describe(path: Path, text: bytes) -> Description:
    try:
        content: Any = json.loads(text)
        _require_shallow(content)
        version = content["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused(path, f"{DESCRIPTION} cannot be read ({error})") from error
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise GainspectError(
            f"the bundle has schema {version}, but this gainspect reads only up to {SCHEMA_VERSION}",
            where=path,
            hint="Update gainspect: pip install --upgrade gainspect.",
        )
    try:
        return Description.model_validate_json(text)
    except ValidationError as error:
        fault = "".join(sign if sign.isprintable() else "?" for sign in first_fault(error))
        fault = fault if len(fault) <= 300 else f"{fault[:100]} … {fault[-180:]}"
        raise _refused(path, f"{DESCRIPTION}: {fault}") from error


def _require_shallow(content: Any) -> None:
    level = [content] if isinstance(content, dict | list) else []
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"its values are nested more than {_MAX_DEPTH} deep")


class _Source(Protocol):
    """The files of a bundle, none of them read yet."""

    sizes: dict[str, int]
    """Bytes of each file, by name."""
    limit: int
    """The most bytes that the listed files may have."""

    def read(self, name: str) -> bytes:
        """The content of a file, which is not longer than `sizes` says."""


def _read(source: _Source, path: Path, name: str, limit: int) -> bytes:
    if source.sizes[name] > limit:
        raise _refused(path, f"{name} has {source.sizes[name]:,} bytes, more than {limit:,}")
    return source.read(name)


@contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    """The files of a zip or of a folder.

    Raises:
        GainspectError: there is none, or it holds what no bundle holds.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.is_file():
        raise GainspectError(
            "there is no such bundle", where=path, hint="`gainspect export RUN --out NAME.gain` makes one."
        )
    try:
        _require_small_directory(path)
        with zipfile.ZipFile(path) as archive:
            yield _Zip(archive, path)
    except _DAMAGES as error:
        raise _refused(path, f"this is not a bundle, or it is damaged ({error})") from error


def _require_small_directory(path: Path) -> None:
    """Refuse a zip with very many entries before `zipfile` makes an object of each of them."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _ZIP_TAIL))
        tail = file.read()
    # Where zipfile looks for the record, too: at the very end, else the last one before a comment.
    bare = tail[-22:].startswith(_ZIP_END) and tail.endswith(b"\0\0")
    end = len(tail) - 22 if bare else tail[20:].rfind(_ZIP_END) + 20
    if int.from_bytes(tail[end + 12 : end + 16], "little") > _MAX_DIRECTORY:
        raise ValueError("its directory is too long")
    if tail[max(0, end - 20) : end].startswith(_ZIP64):
        raise ValueError("its directory is that of a zip of over 4 GiB")


class _Zip:
    """A zip archive."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        infos = archive.infolist()
        self._infos = {info.filename: info for info in infos}
        self.sizes = {info.filename: info.file_size for info in infos}
        if len({name.casefold() for name in self._infos}) < len(infos):
            raise ValueError("it contains a file twice")
        for info in infos:
            if fault := _fault(info):
                raise ValueError(f"{_shown(info.orig_filename)} {fault}")
        self.limit = min(_MAX_BYTES, _MAX_RATIO * path.stat().st_size + _SLACK)

    def read(self, name: str) -> bytes:
        with self._archive.open(self._infos[name]) as file:
            # zipfile returns at most as many bytes as the directory says, and checks the sum at their end.
            return file.read(self.sizes[name] + 1)


def _fault(info: zipfile.ZipInfo) -> str:
    """What an entry of a zip has that no bundle's file has."""
    if info.filename != info.orig_filename:
        return "has a name that is not plain"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed by another method than deflate"  # whose output zipfile does not bound
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.create_system == 3 and kind not in (0, stat.S_IFREG):
        return "is a link or a device" if kind != stat.S_IFDIR else "does not belong to the bundle"
    return ""


class _Folder:
    """A folder that a bundle was unpacked to."""

    limit = _MAX_BYTES

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.sizes = dict(_files_below(path, path))
        except OSError as error:
            raise GainspectError(f"cannot read the bundle ({error.strerror})", where=path) from error

    def read(self, name: str) -> bytes:
        try:
            with (self._path / name).open("rb") as file:
                return file.read(self.sizes[name])
        except OSError as error:
            raise GainspectError(f"cannot read {name} ({error.strerror})", where=self._path) from error


def _files_below(root: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Name and size of each file; links are not followed but refused."""
    found = 0
    folders = [folder]
    while folders:
        for file in sorted(folders.pop().iterdir()):
            found += 1
            name, status = file.relative_to(root).as_posix(), file.lstat()
            if found > _MAX_FILES:
                raise _refused(root, f"it has more than {_MAX_FILES} files")
            if stat.S_ISDIR(status.st_mode):
                folders.append(file)
            elif stat.S_ISREG(status.st_mode):
                yield name, status.st_size
            else:
                raise _refused(root, f"{_shown(name)} is a link or a device")


def _shown(name: str) -> str:
    """A name from a foreign file, for a message."""
    return name if name.isprintable() and len(name) <= 100 else repr(name[:100])


def _incomplete(path: Path, name: str) -> GainspectError:
    of_run = path / "model.gain"
    if (path / "config.yaml").is_file():
        made = (
            f"Its bundle is {of_run}." if of_run.is_file() else f"`gainspect export {path}` makes its bundle."
        )
        return GainspectError("this is a run folder, not a bundle", where=path, hint=made)
    return _refused(path, f"this is not a complete bundle ({name} is missing)")


def _refused(path: Path, what: str) -> GainspectError:
    return GainspectError(what, where=path, hint="Copy it again, or export it again from its run.")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
