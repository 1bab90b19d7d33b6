"""Verdicts as Parquet files, each written whole, in a folder or behind a URI: OUT/verdicts.parquet/*.parquet.

An object store cannot append, so there is no journal: new images are cut into runs, in their order, and a
file is written when all images of its run are judged; a kill costs the verdicts of runs that are not whole,
which are then made again. A file is called by the settings and the names of its images, so that a job that
begins again, or twice, writes the same files; an image that is judged again (it had an error, or has changed)
is replaced in the file that it is in. So each image is in one file, once.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from gainspect.data.taken import PARQUET, SETTINGS, VERDICTS
from gainspect.errors import GainspectError
from gainspect.inspection.records.journal import line_of
from gainspect.inspection.records.stores import Store
from gainspect.inspection.records.verdict_key import OTHER_OUT, Key, Settings, key_in, require_same_settings

_MOST_IMAGES = 512
"""In a file."""
_MOST_FILES = 16
"""A job of few images is cut into about so many files, or one for each batch."""
_NAME = re.compile(r"[0-9a-f]{32}\.parquet")
_FILES_HELD = 4
_READ_AT_ONCE = 16
_MOST_WAITING = 4096
"""Records that take the place of others are written at the latest when so many wait."""
_TEXTS = ("image", "part", "sha256", "bundle", "policy_id", "runtime", "precision", "verdict", "error")
_NUMBERS = ("score", "threshold")


def images_in_a_file(count: int, batch: int) -> int:
    """How many images a file takes: whole batches, of all images one part in 16, and at most about 512.

    >>> images_in_a_file(40, 8), images_in_a_file(1000, 8), images_in_a_file(10_000_000, 8)
    (8, 64, 512)
    """
    return batch * max(1, -(-min(_MOST_IMAGES, -(-count // _MOST_FILES)) // batch))


class ParquetVerdicts:
    """The verdicts in one place, one row for each image; see `Journal`, which does the same line by line.

    In memory are the name of each image, the number of its file, and records whose file is not yet written.

    Args:
        store: where they are.
        settings: what new verdicts are made with.
        images: that are to be judged, as `names.escaped` writes them.
        size: images in a new file (`images_in_a_file`).

    Raises:
        GainspectError: another process is writing there; there are verdicts of other or unknown settings, or
            something else; or it cannot be read or written.
    """

    def __init__(self, store: Store, settings: Settings, images: Sequence[str], size: int) -> None:
        self.settings = settings
        self.place = f"{store.place.rstrip('/')}/{PARQUET}"
        self._store = store
        self._size = size
        self._names: dict[int, str] = {}
        """The files that are written, by their numbers."""
        self._at: dict[str, int] = {}
        """The number of the file of each image, also of those that are to be written."""
        self._doubled: set[int] = set()
        """Files with a row of an image that is in another file too."""
        self._pending: dict[int, dict[str, dict[str, Any]]] = {}
        """Records that are not written yet, by file and image."""
        self._rows = lru_cache(_FILES_HELD)(self._read)
        with ExitStack() as opened:
            opened.enter_context(store.held())
            if store.read(VERDICTS) is not None:
                raise GainspectError(
                    f"the verdicts there are lines ({VERDICTS}), not Parquet files",
                    where=store.place,
                    hint=f"{OTHER_OUT}.",
                )
            names = [name for name in store.names(PARQUET) if _NAME.fullmatch(name)]
            if not names:
                store.write(SETTINGS, (json.dumps(asdict(settings), indent=2) + "\n").encode())
            file = f"{store.place.rstrip('/')}/{SETTINGS}"
            require_same_settings(store.read(SETTINGS), settings, file=file, verdicts=self.place)
            self._scan(names)
            self._first_new = len(names)
            self._new = [image for image in dict.fromkeys(images) if image not in self._at]
            for place, image in enumerate(self._new):
                self._at[image] = self._first_new + place // size
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        """The verdicts themselves; at the end what is left is written, and the place is given free."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, whatever happened."""
        with self._opened:
            self.settle()

    def images(self) -> list[str]:
        """The images that have a row in a file."""
        return [image for image, number in self._at.items() if number in self._names]

    def record(self, image: str) -> dict[str, Any] | None:
        """What is known of an image (see `stream.record_of`); None: nothing yet."""
        number = self._at.get(image)
        if number is None:
            return None
        pending = self._pending.get(number, {}).get(image)
        return self._rows(number).get(image) if pending is None else pending

    def key(self, image: str) -> Key | None:
        """The key of the verdict on an image; None: there is none, perhaps because of an error."""
        return key_in(self.record(image), self.settings)

    def append(self, record: Mapping[str, Any]) -> None:
        """Take what is known of an image now; its file is written when it is whole.

        Raises:
            GainspectError: it cannot be written.
        """
        image = record["image"]
        known = self.record(image)
        if known is not None and line_of(known) == line_of(record):
            return
        number = self._at[image]
        pending = self._pending.setdefault(number, {})
        pending[image] = dict(record)
        new = number >= self._first_new
        if len(pending) == len(self._run(number)) if new else self._waiting() > _MOST_WAITING:
            self._write(number)

    def settle(self, images: Iterable[str] = ()) -> None:
        """Write what is left; the order of rows says nothing, so that of the images does not count.

        Raises:
            GainspectError: it cannot be written.
        """
        for number in sorted({*self._pending, *self._doubled}):
            self._write(number)

    def _waiting(self) -> int:
        return sum(map(len, self._pending.values()))

    def _run(self, number: int) -> list[str]:
        """The images of a new file."""
        begin = (number - self._first_new) * self._size
        return self._new[begin : begin + self._size]

    def _write(self, number: int) -> None:
        records = self._rows(number) | self._pending.get(number, {})
        records = {image: record for image, record in records.items() if self._at[image] == number}
        if number >= self._first_new:
            records = {image: records[image] for image in self._run(number) if image in records}
        before = self._names.get(number)
        name = before or self._name(records)
        if records:
            self._store.write(f"{PARQUET}/{name}", self._encoded(records.values()))
            self._names[number] = name
        elif before is not None:
            self._store.remove(f"{PARQUET}/{name}")
        self._rows.cache_clear()
        self._pending.pop(number, None)
        self._doubled.discard(number)

    def _name(self, images: Iterable[str]) -> str:
        said = json.dumps([asdict(self.settings), *images], ensure_ascii=False)
        return f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.parquet"

    def _read(self, number: int) -> dict[str, dict[str, Any]]:
        """The records of a file by their images; empty if it is not written yet."""
        name = self._names.get(number)
        if name is None:
            return {}
        content = self._store.read(f"{PARQUET}/{name}")
        texts = None if content is None else _column(content, "record", f"{self.place}/{name}")
        if texts is None:
            raise GainspectError(
                "the file was changed by somebody else",
                where=f"{self.place}/{name}",
                hint="Run the same command again.",
            )
        records = map(json.loads, texts)
        return {record["image"]: record for record in records}

    def _scan(self, names: Sequence[str]) -> None:
        """Find which image is in which file; a file that is not whole is taken away."""
        with ThreadPoolExecutor(_READ_AT_ONCE) as reading:
            for begin in range(0, len(names), _READ_AT_ONCE):
                some = names[begin : begin + _READ_AT_ONCE]
                contents = reading.map(lambda name: self._store.read(f"{PARQUET}/{name}"), some)
                for number, (name, content) in enumerate(zip(some, contents, strict=True), start=begin):
                    if content is None:
                        raise GainspectError("the file was there, and is not", where=f"{self.place}/{name}")
                    images = _column(content, "image", f"{self.place}/{name}")
                    if images is None:
                        self._store.remove(f"{PARQUET}/{name}")
                        continue
                    self._names[number] = name
                    for image in images:
                        if self._at.setdefault(image, number) != number:
                            self._doubled.add(number)

    def _encoded(self, records: Iterable[Mapping[str, Any]]) -> bytes:
        """A Parquet file: what is asked for often as columns, among them the key, and the whole record."""
        pa, pq = parquet()
        made_with = asdict(self.settings)
        rows = [
            {name: record.get(name, made_with.get(name)) for name in (*_TEXTS, *_NUMBERS)}
            | {
                "check": self.settings.check,
                "review_reasons": record.get("review_reasons", []),
                "record": line_of(record).decode().rstrip("\n"),
            }
            for record in records
        ]
        schema = pa.schema(
            [
                *((name, pa.string()) for name in _TEXTS),
                *((name, pa.float64()) for name in _NUMBERS),
                ("check", pa.bool_()),
                ("review_reasons", pa.list_(pa.string())),
                ("record", pa.string()),
            ]
        )
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema), sink, compression="zstd")
        return sink.getvalue()


def parquet() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet.

    Raises:
        GainspectError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise GainspectError(
            "verdicts as Parquet need pyarrow", hint="pip install 'gainspect[archive]'."
        ) from error
    return pa, pq


def _column(content: bytes, column: str, where: str) -> list[str] | None:
    """The texts of a column; None: the file is not whole."""
    pa, pq = parquet()
    try:
        with pq.ParquetFile(io.BytesIO(content)) as file:
            if column not in file.schema_arrow.names:
                raise GainspectError("this is no file of verdicts", where=where, hint=f"{OTHER_OUT}.")
            texts: list[str] = file.read(columns=[column]).column(0).to_pylist()
            return texts
    except pa.ArrowInvalid:
        return None
