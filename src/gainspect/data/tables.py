"""Tables as people and programs write them: read as they are meant, or refused with what to change."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gainspect.errors import GainspectError
from gainspect.names import composed
from gainspect.types import Label

LABEL_WORDS: dict[str, Label] = {
    **dict.fromkeys(("ok", "good", "normal", "양품", "정상"), Label.OK),
    **dict.fromkeys(("ng", "bad", "defective", "불량"), Label.NG),
}
"""What a label may be called, in any case. Not 0 and 1: some write 1 for a good part, some for a bad one."""

DECISION_WORDS: dict[str, Label] = {**LABEL_WORDS, **dict.fromkeys(("review", "재검"), Label.REVIEW)}
"""What a decision may be called, in any case."""

SPLIT_WORDS: dict[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a part of the split may be called, in any case."""

_NOTHING = frozenset({"nan", "none", "null", "n/a", "#n/a", "<na>", "nat"})
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_AS_UTF8 = "In Excel: Save As, CSV UTF-8."

# Other words for the columns, as label tools and people write them (folded).
_SYNONYMS = {
    "image": ("img", "file", "filename", "path", "filepath", "이미지", "영상", "파일", "파일명", "bild"),
    "file": ("img", "image", "filename", "path", "filepath", "이미지", "영상", "파일", "파일명", "datei"),
    "label": ("class", "target", "라벨", "레이블", "판정"),
    "mask": ("마스크", "마스크경로", "masque", "segmentation", "seg", "groundtruth", "gt", "annotation"),
    "group": (
        *("grp", "gruppe", "groupe", "partid", "partno", "partnumber", "serial", "serialno", "serialnumber"),
        *("그룹", "부품", "부품번호"),
    ),
    "defect_type": (
        *("type", "defect", "defectclass", "defectkind", "defectname", "defectcategory", "faulttype"),
        *("불량유형", "불량종류", "불량명", "결함", "결함유형", "결함종류", "결함명"),
    ),
    "split": (
        "subset",
        "partition",
        "set",
        "dataset",
        "datasplit",
        "traintestsplit",
        "phase",
        "분할",
        "구분",
    ),
    "part": ("sample", "item", "piece", "부품", "시료", "파트", "teil"),
    "appraiser": (
        *("operator", "inspector", "rater", "judge", "person"),
        *("검사자", "검사원", "평가자", "측정자", "작업자", "prüfer"),
    ),
    "trial": ("repeat", "replicate", "run", "round", "회차", "반복", "차수"),
    "decision": ("verdict", "result", "rating", "assessment", "call", "판정", "결과"),
    "reference": ("standard", "truth", "master", "label", "기준", "정답", "라벨"),
}
_CARRIERS = frozenset(
    {
        "path",
        "file",
        "filename",
        "filepath",
        "name",
        "id",
        "no",
        "nr",
        "number",
        "dir",
        "folder",
        "png",
        "image",
    }
    | {
        "img",
        "url",
        "uri",
        "set",
        "col",
        "column",
        "value",
        "defect",
        "seg",
        "binary",
        "gt",
        "pixel",
        "anomaly",
    }
)


class Row(NamedTuple):
    """One row of a table."""

    place: str
    """Such as "line 3"."""
    values: dict[str, str]
    """By column, known ones as they are called here; as written, blanks around them included."""

    def text(self, column: str) -> str:
        """The value without blanks around it, composed (NFC); "" if the column is not there.

        What programs write for nothing (nan, None, null …) is "" as well.
        """
        value = composed(self.values.get(column, "").strip())
        return "" if value.casefold() in _NOTHING else value


def fold_header(name: str) -> str:
    r"""A column's name as it is compared: without case, byte-order mark and blanks around it.

    >>> fold_header(" Split "), fold_header("\ufeffImage")
    ('split', 'image')
    """
    return composed(name).strip("\ufeff\u200b \t\xa0\r\n").casefold()


def label_of(word: str, where: str, what: str = "label") -> Label:
    """The label that a word stands for.

    Args:
        word: in any case, of `LABEL_WORDS`.
        where: named in the error.
        what: what the word is, as the error calls it.

    Raises:
        GainspectError: it is none of them.
    """
    return _meant(word, LABEL_WORDS, what, where)


def decision_of(word: str, where: str) -> Label:
    """The decision that a word stands for.

    Args:
        word: in any case, of `DECISION_WORDS`.
        where: named in the error.

    Raises:
        GainspectError: it is none of them.
    """
    return _meant(word, DECISION_WORDS, "decision", where)


def _meant(word: str, words: Mapping[str, Label], what: str, where: str) -> Label:
    known = words.get(composed(word).strip().casefold())
    if known is None:
        labels = tuple(dict.fromkeys(words.values()))
        accepted = " · ".join(
            f"{label.upper()}: {', '.join(word for word, of in words.items() if of is label)}"
            for label in labels
        )
        number = word.strip() in {"0", "1", "0.0", "1.0"}
        why = " A number does not say which of the two it means." if number else ""
        names = ", ".join(labels[:-1])
        raise GainspectError(
            f"{what} {word!r} is not {names} or {labels[-1]}", where=where, hint=f"Accepted: {accepted}.{why}"
        )
    return known


def split_of(word: str, where: str) -> str | None:
    """The part of the split that a word stands for; None for "".

    Args:
        word: in any case, of `SPLIT_WORDS`.
        where: named in the error.

    Raises:
        GainspectError: it is none of them.
    """
    if not word:
        return None
    known = SPLIT_WORDS.get(composed(word).strip().casefold())
    if known is None:
        raise GainspectError(
            f"split {word!r} is not train, val or test",
            where=where,
            hint=f"Accepted: {', '.join(SPLIT_WORDS)}.",
        )
    return known


def read_rows(path: Path, *, known: Sequence[str], required: Sequence[str]) -> Iterator[Row]:
    """Each row of a CSV or Parquet file that is not blank.

    Text is UTF-8, or UTF-16 with its mark; the separator is a comma, semicolon or tab, whichever gives the
    required columns; lines end in LF, CRLF or CR.

    Args:
        path: the file; by its suffix Parquet, or else text.
        known: columns with a meaning.
        required: those that must be there.

    Raises:
        GainspectError: with line and what to do: other text, a column that is missing, there twice or
            resembles a known one, a row with more or fewer fields than the header.
    """
    header, rows = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path, required)
    names = [_column(name, known) for name in header]
    _check_header(header, names, known, required, path)
    read = [_row(place, names, values, path) for place, values in rows]
    _refuse_lookalikes(header, names, known, read, path)
    return iter(read)


def _column(header: str, known: Sequence[str]) -> str:
    """A known column as it is called here; another one as it is written."""
    folded = fold_header(header)
    return folded if folded in known else composed(header).strip("\ufeff \t\xa0\r\n")


def _row(place: str, names: Sequence[str], values: Sequence[str], path: Path) -> Row:
    for name, value in zip(names, values, strict=True):
        if not name and value.strip():
            raise GainspectError(
                f"{value.strip()!r} stands in a column without a name",
                where=f"{path}, {place}",
                hint="Name the column, or put text that holds the separator in quotes.",
            )
    return Row(place, {name: value for name, value in zip(names, values, strict=True) if name})


def _csv(path: Path, required: Sequence[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    text = _text_of(path)
    skipped, separator = 0, None
    if stated := re.match(r"sep=(.)\r?\n?", text, re.IGNORECASE):
        text, skipped, separator = text[stated.end() :], 1, stated[1]
    separator = separator or _separator_of(text, required)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    rows: list[tuple[str, list[str]]] = []
    line = skipped
    try:
        for values in reader:
            line = reader.line_num + skipped
            if not any(value.strip() for value in values):
                continue
            if header is None:
                header = values
                continue
            rows.append((f"line {line}", _filled(values, len(header), f"{path}, line {line}")))
    except csv.Error as error:
        raise GainspectError(
            f"line {line + 1} is not CSV ({error})",
            where=path,
            hint="A quote that is opened must be closed before the next separator.",
        ) from error
    return header or [], rows


def _filled(values: list[str], count: int, where: str) -> list[str]:
    """The values, if they are as many as the columns; blank ones too many are left out."""
    if len(values) > count and any(value.strip() for value in values[count:]):
        raise GainspectError(
            f"the row has {len(values)} fields, the header {count}",
            where=where,
            hint="Put text that holds the separator in quotes.",
        )
    if len(values) < count:
        raise GainspectError(
            f"the row has {len(values)} fields, the header {count}",
            where=where,
            hint="Write the separators of empty fields too: it is not known which ones are missing.",
        )
    return values[:count]


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read it ({error.strerror})", where=path) from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise GainspectError("this is a workbook or an archive, not a CSV", where=path, hint=_AS_UTF8)
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        encoding = "utf-32"
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise GainspectError(
            f"cannot read it as UTF-8 text{likely_encoding(content)} (line {line}: {error.reason})"
            if encoding == "utf-8-sig"
            else f"cannot read it as {encoding.upper()} text ({error.reason})",
            where=path,
            hint=f"Save it as UTF-8. {_AS_UTF8}",
        ) from error
    if "\0" in text:
        raise GainspectError(
            "it holds NUL characters: it is no text, or UTF-16 without its mark",
            where=path,
            hint=f"Save it as UTF-8. {_AS_UTF8}",
        )
    return text.removeprefix("\ufeff")


def likely_encoding(content: bytes) -> str:
    """A clause if bytes look like Korean text in CP949; "" otherwise.

    It is not read as such: Chinese and Japanese bytes are often valid CP949 too, with another meaning.
    """
    try:
        foreign = [character for character in content.decode("cp949") if not character.isascii()]
    except UnicodeDecodeError:
        return ""
    hangul = sum("가" <= character <= "힣" for character in foreign)
    return "; it looks like CP949 (EUC-KR)" if hangul > len(foreign) / 2 else ""


def _separator_of(text: str, required: Iterable[str]) -> str:
    """The first that gives all required columns, or else the one that gives the most."""
    first = next((line for line in io.StringIO(text, newline="") if line.strip("\r\n,;\t ")), "")

    def columns(separator: str) -> list[str]:
        try:
            return [fold_header(name) for name in next(csv.reader([first], delimiter=separator), [])]
        except csv.Error:
            return []

    found = {separator: columns(separator) for separator in _SEPARATORS}
    whole = [separator for separator in found if set(required) <= set(found[separator])]
    return max(whole or found, key=lambda separator: len(found[separator]))


def _parquet(path: Path) -> tuple[list[str], list[tuple[str, list[str]]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise GainspectError(
            "reading Parquet needs pyarrow", where=path, hint="pip install 'gainspect[parquet]'."
        ) from error
    try:
        table = pq.ParquetFile(path).read()
        columns: list[list[Any]] = [column.to_pylist() for column in table.columns]
    except (OSError, pa.ArrowException) as error:
        raise GainspectError(f"cannot read it as Parquet ({error})", where=path) from error
    header: list[str] = table.column_names
    rows = []
    for number, values in enumerate(zip(*columns, strict=True), start=1):
        rows.append((f"row {number}", [_as_text(value, f"{path}, row {number}") for value in values]))
    return header, rows


def _as_text(value: Any, where: str) -> str:
    if isinstance(value, bytes):
        raise GainspectError(f"{value[:20]!r} is bytes, not text", where=where, hint="Write text columns.")
    return "" if value is None else str(value)


def _check_header(
    header: Sequence[str], names: Sequence[str], known: Sequence[str], required: Sequence[str], path: Path
) -> None:
    for name, count in Counter(names).items():
        if name and count > 1:
            written = ", ".join(
                repr(raw) for raw, column in zip(header, names, strict=True) if column == name
            )
            raise GainspectError(
                f"column {name!r} is there twice ({written})", where=path, hint="Rename one of them."
            )
    for name in required:
        if name not in names:
            there = ", ".join(header) or "nothing"
            like = next(
                (raw for raw in header if fold_header(raw) not in known and _resembles(raw, name)), None
            )
            what = f"column {name!r} is missing" + (f"; {like!r} looks like it" if like else "")
            raise GainspectError(what, where=path, hint=f"Its first line names {there}.")


def _refuse_lookalikes(
    header: Sequence[str], names: Sequence[str], known: Sequence[str], rows: Sequence[Row], path: Path
) -> None:
    """An unknown column that may be meant for a known one, where that one is missing or says nothing."""
    filled = {name for name in known if any(row.text(name) for row in rows)}
    for raw, name in zip(header, names, strict=True):
        if not name or name in known:
            continue
        for meant in known:
            if _squeezed(name) == _squeezed(meant) or (meant not in filled and _resembles(raw, meant)):
                raise GainspectError(
                    f"column {raw!r} is unknown, but resembles {meant!r}",
                    where=path,
                    hint=f"Call it {meant!r} if that is meant, or something that does not resemble it.",
                )


def meant_by(header: str, known: Sequence[str]) -> str | None:
    """The known column that a header resembles, so that a table with both is refused unless it is filled.

    >>> meant_by("serial", ["image", "group"]), meant_by("exposure", ["image", "group"])
    ('group', None)
    """
    return next((name for name in known if fold_header(header) != name and _resembles(header, name)), None)


def _resembles(raw: str, known: str) -> bool:
    """Whether a person may have meant the known column by this header."""
    name, target = _squeezed(raw), _squeezed(known)
    if name == target or name in _SYNONYMS.get(known, ()):
        return True
    words = [word.casefold() for word in re.findall(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+", composed(raw))]
    rest = [word for word in words if word not in _CARRIERS and not word.isdigit()]
    spoken = "".join(rest)
    if len(rest) < len(words) and rest and (spoken == target or spoken in _SYNONYMS.get(known, ())):
        return True
    if name.startswith(target) and name[len(target) :] in _CARRIERS:
        return True
    return _is_misspelt(name, target)


def _squeezed(name: str) -> str:
    return "".join(character for character in fold_header(name) if character.isalnum())


def _is_misspelt(name: str, target: str) -> bool:
    """One letter more, less or (in words of five letters or more) another, or two neighbors swapped."""
    if abs(len(name) - len(target)) > 1 or name == target:
        return False
    if len(name) == len(target):
        apart = [place for place in range(len(name)) if name[place] != target[place]]
        if len(apart) == 2 and apart[1] == apart[0] + 1:
            one, two = apart
            return name[one] == target[two] and name[two] == target[one]
        return len(apart) == 1 and len(target) >= 5
    long, short = (name, target) if len(name) > len(target) else (target, name)
    return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


def nothing_or(values: Mapping[str, str], column: str) -> str:
    """A name of a file as written, or "" where it is one of the words for nothing."""
    value = values.get(column, "")
    return "" if value.strip().casefold() in _NOTHING or not value.strip() else value
