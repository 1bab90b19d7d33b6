"""Label Studio: JSON of tasks; polygons, brushes, rectangles, ellipses, key points, choices.

Source: https://labelstud.io/guide/export and https://labelstud.io/tags.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.fields import Record, file_name, from_base64, records
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.label_studio_results import drawn_of, size_of
from gainspect.data.importers.source import NOT_THERE, Match, Source
from gainspect.data.importers.split_names import split_in
from gainspect.errors import GainspectError

SKIPPED = "its annotators skipped it"
PREDICTED = "it has predictions only, which nobody accepted"
LATEST = "it has several annotations, of which the latest counts"
OF_SEVERAL = "its task has several images"
NO_IMAGE = "the task has no image, or several"

_TASK = {"annotations", "completions", "predictions"}
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""
_DATA = re.compile(r"^data:image/([a-z]+);base64,")


def _recognize(source: Source) -> str | None:
    for file in source.some(".json"):
        content = source.looks_like_json(file)
        if _is_export(content):
            return f"{source.named(file)} lists tasks with data and annotations"
        if _is_short(content):  # refused with what to do
            return f"{source.named(file)} is the export JSON-MIN of Label Studio"
    return None


def _is_export(content: object) -> bool:
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(task, dict) for task in content)
        and isinstance(content[0].get("data"), dict)
        and bool(_TASK & content[0].keys())
    )


def _is_short(content: object) -> bool:
    """Whether it is the export that Label Studio calls JSON-MIN."""
    return isinstance(content, list) and any(isinstance(t, dict) and "annotation_id" in t for t in content)


def _read(source: Source) -> AnnotatedSet:
    files = []
    for file in source.with_suffix(".json"):
        content = source.json(file) if file == source.only else source.looks_like_json(file)
        if _is_short(content):
            raise GainspectError(
                "it is the export JSON-MIN, which does not tell choices from other text",
                where=file,
                hint="Export from Label Studio as JSON.",
            )
        if _is_export(content):
            files.append(file)
        else:
            source.used.discard(file)
    if not files:
        raise GainspectError("no JSON file here lists tasks of Label Studio", where=source.path)

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file in files:
            for number, task in enumerate(source.json(file), 1):
                place = f"{source.named(file)}, task {task.get('id', number)}"
                if (image := _image(task, place, file, source, left)) is not None:
                    yield image

    return AnnotatedSet.of(images)


def _image(task: Record, place: str, file: Path, source: Source, left: list[Left]) -> AnnotatedImage | None:
    names = _image_names(task.get("data"))
    if len(names) != 1:
        left.append(Left(place, NO_IMAGE, ", ".join(names)))
        files = [_found(name, file, source).file for name in names]
        source.unclear |= dict.fromkeys((file for file in files if file is not None), OF_SEVERAL)
        return None
    embedded = _DATA.match(names[0])
    found = Match(None) if embedded else _found(names[0], file, source)
    if found.file is None and not embedded:
        left.append(Left(place, found.note, names[0]))
        return None
    annotations = records(task, "annotations", place) or records(task, "completions", place)
    counted = [annotation for annotation in annotations if annotation.get("was_cancelled") is not True]
    not_taken = ""
    if not counted:
        not_taken = SKIPPED if annotations else PREDICTED if records(task, "predictions", place) else ""
    results = records(max(counted, key=_time), "result", place) if counted else []
    shapes, tags = drawn_of(results, place)
    notes = (found.note, LATEST if len(counted) > 1 else "")
    return AnnotatedImage(
        file=found.file,
        place=place,
        shapes=shapes,
        tags=tags,
        annotated=bool(counted),
        size=size_of(results),
        split=split_in(Path(source.named(found.file)).parent.as_posix()) if found.file else None,
        content=partial(from_base64, names[0], place),
        name=file_name(f"task-{task.get('id')}.{embedded[1]}", "task.png") if embedded else "",
        notes=tuple(note for note in notes if note),
        not_taken=not_taken,
    )


def _time(annotation: Record) -> str:
    """When an annotation was last changed; ISO 8601 as Label Studio writes it is in order as text."""
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _image_names(data: object) -> list[str]:
    """The data of a task that name an image."""
    values = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    return [v for v in values if _DATA.match(v) or Path(_path(v)).suffix.lower() in IMAGE_SUFFIXES]


def _path(url: str) -> str:
    """The path that a task's data mean: of an upload, a local file, a bucket, a web address.

    >>> _path("/data/local-files/?d=lot%201/a.png"), _path("s3://bucket/lot/a.png?X-Amz-Date=1")
    ('lot 1/a.png', 's3://bucket/lot/a.png')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if local := parse_qs(parts.query).get("d"):
        return local[0]
    if not parts.scheme and not url.startswith("/data/"):
        return url
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return f"{scheme}{unquote(parts.netloc + parts.path)}"


def _found(name: str, file: Path, source: Source) -> Match:
    """The image of a task: by its path, then without what an upload puts before its name."""
    path = _path(name)
    found = source.image(path, file)
    if found.note != NOT_THERE:
        return found
    folder, slash, base = path.rpartition("/")
    return source.image(f"{folder}{slash}{_UPLOAD.sub('', base)}", file)


LABEL_STUDIO = Importer(
    name="label-studio",
    title="Label Studio",
    recognizes="a JSON file that lists tasks with `data` and `annotations` (the export JSON)",
    reads="polygons, brushes, bit masks, rectangles and ellipses with their rotation, key points, choices as "
    "classes of the image; of several annotations of a task the latest that is not cancelled",
    leaves="predictions, choices for a region, ratings, text; tasks that were skipped or have predictions "
    "only are not taken; the export JSON-MIN is refused",
    tried_on="parts of a real export",
    recognize=_recognize,
    read=_read,
)
