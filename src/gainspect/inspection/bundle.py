"""The bundle: one file with a trained inspector and everything its verdicts depend on.

It is a zip archive (or the folder it was unpacked to): `bundle.json`, the files listed there with their
SHA-256, and `bundle.json.sha256`, a line that `sha256sum -c` reads. It contains no pickle and no code.
"""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError, first_fault
from gainspect.files import atomic_path
from gainspect.policy import Policy

SCHEMA_VERSION = 1
DESCRIPTION, SEAL = "bundle.json", "bundle.json.sha256"
SUFFIX = ".gain"
GOLDEN = "golden.npz"
"""Probe images and the torch model's predictions for them (the golden predictions)."""
_MAX_BYTES = 2**32
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

Format = Literal["onnx", "openvino", "openvino-int8", "torch"]


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

    @property
    def tiling(self) -> Tiling | None:
        """How an image is cut into tiles; None: the network sees it whole."""
        return None if self.tile is None else Tiling(self.tile, self.overlap)

    def __str__(self) -> str:
        frame = f"letterboxed to {self.size} × {self.size} px"
        if self.tile is None:
            return frame
        return f"tiles of {self.tile} px, {self.overlap:.0%} overlapping, each {frame}"


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
    files: dict[str, str]
    """SHA-256 of every other file of the bundle, hexadecimal."""


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


def write_bundle(path: Path, description: Description, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle as a zip archive, atomically.

    Args:
        path: the file to write, usually NAME.gain.
        description: the content of bundle.json; this function fills in its `files`.
        contents: the content of every file, by name.

    Raises:
        GainspectError: the bundle cannot be written.
    """
    hashes = {name: _sha256(content) for name, content in sorted(contents.items())}
    description = description.model_copy(update={"files": hashes})
    text = (json.dumps(description.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()
    sealed = {DESCRIPTION: text, SEAL: f"{_sha256(text)}  {DESCRIPTION}\n".encode(), **contents}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sealed.items():
            # The date is fixed, so that the same content gives the same file.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return Bundle(path, description, _sha256(text), contents)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle (a zip, or the folder it was unpacked to) and check every byte of it.

    Raises:
        GainspectError: the bundle is missing, damaged, changed, incomplete, or has a newer schema.
    """
    contents = dict(_read_folder(path) if path.is_dir() else _read_zip(path))
    text, seal = contents.pop(DESCRIPTION, None), contents.pop(SEAL, None)
    if text is None or seal is None:
        missing = DESCRIPTION if text is None else SEAL
        raise _refused(path, f"this is not a complete bundle ({missing} is missing)")
    sha256 = _sha256(text)
    if seal.split()[:1] != [sha256.encode()]:
        raise _refused(path, f"{DESCRIPTION} was changed (its SHA-256 is not the one in {SEAL})")
    description = _describe(path, text)
    for name in sorted(description.files.keys() | contents.keys()):
        if name not in contents:
            raise _refused(path, f"{name} is missing")
        if name not in description.files:
            raise _refused(path, f"{name} does not belong to the bundle")
        if _sha256(contents[name]) != description.files[name]:
            raise _refused(path, f"{name} was changed (its SHA-256 is not the one in {DESCRIPTION})")
    listed = {name for names in description.formats.values() for name in names}
    if lost := sorted(listed - contents.keys()):
        raise _refused(path, f"{lost[0]} is missing")
    return Bundle(path, description, sha256, contents)


def _describe(path: Path, text: bytes) -> Description:
    try:
        content: Any = json.loads(text)
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
        raise _refused(path, f"{DESCRIPTION}: {first_fault(error)}") from error


def _read_zip(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise GainspectError(
            "there is no such bundle", where=path, hint="`gainspect export RUN --out NAME.gain` makes one."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > _MAX_BYTES:
                raise ValueError("it claims to unpack to more than 4 GiB")
            if len({info.filename for info in infos}) < len(infos):
                raise ValueError("it contains a file twice")
            return {info.filename: archive.read(info) for info in infos}
    except _DAMAGES as error:
        raise _refused(path, f"this is not a bundle, or it is damaged ({error})") from error


def _read_folder(path: Path) -> dict[str, bytes]:
    try:
        return {
            file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()
        }
    except OSError as error:
        raise GainspectError(f"cannot read the bundle ({error.strerror})", where=path) from error


def _refused(path: Path, what: str) -> GainspectError:
    return GainspectError(what, where=path, hint="Copy it again, or export it again from its run.")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
