"""Small sets of labels as each tool writes them: images, and one polygon for each outline."""

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import cv2
import numpy as np
from numpy.typing import NDArray

from drawn_labels import coco
from gainspect.data.manifest import Manifest
from gainspect.types import Label

CLASS = "scratch"
Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Sample:
    """An image and what somebody drew in it."""

    name: str
    content: bytes
    height: int
    width: int
    rings: tuple[Ring, ...] = ()
    """Outlines in positions: a pixel in column x covers x … x + 1."""


def samples_of(made: Manifest) -> list[Sample]:
    """Parts with their outlines, around the outer pixels' centers; images without a defect too."""
    found = []
    for part in made.parts:
        content = part.image.read_bytes()
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        rings: list[Ring] = []
        mask = made.mask(part)
        if part.label is Label.NG and mask is not None:
            outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            rings = [[(x, y) for x, y in outline.reshape(-1, 2).tolist()] for outline in outlines]
        name = f"{part.split}_{part.image.name}"
        drawn = tuple(ring for ring in rings if len(ring) > 2)
        found.append(Sample(name, content, image.shape[0], image.shape[1], drawn))
    return found


def put(samples: Sequence[Sample], folder: Path) -> None:
    """Write the images."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        (folder / sample.name).write_bytes(sample.content)


def write_json(path: Path, content: Any) -> Path:
    """Write JSON, in a folder that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_xml(path: Path, root: Element) -> Path:
    """Write XML, in a folder that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tostring(root, encoding="utf-8", xml_declaration=True))
    return path


def element(tag: str, attributes: Mapping[str, object] | None = None, *inner: Element) -> Element:
    """An XML element."""
    made = Element(tag, {name: str(value) for name, value in (attributes or {}).items()})
    made.extend(inner)
    return made


def text_element(tag: str, text: object) -> Element:
    """An XML element with text only."""
    made = Element(tag)
    made.text = str(text)
    return made


def write_coco(samples: Sequence[Sample], folder: Path) -> None:
    put(samples, folder / "images")
    coco(
        folder / "annotations/labels.json",
        [(sample.name, sample.height, sample.width) for sample in samples],
        [
            {"image_id": number, "segmentation": [[side for point in ring for side in point]]}
            for number, sample in enumerate(samples, 1)
            for ring in sample.rings
        ],
        classes=[CLASS],
    )


def write_cvat(samples: Sequence[Sample], folder: Path) -> None:
    put(samples, folder / "images")
    root = element("annotations", {}, text_element("version", "1.1"))
    for number, sample in enumerate(samples):
        size = {"width": sample.width, "height": sample.height}
        image = SubElement(root, "image", {"id": str(number), "name": sample.name})
        image.attrib |= {name: str(side) for name, side in size.items()}
        for ring in sample.rings:
            points = ";".join(f"{x:.2f},{y:.2f}" for x, y in ring)
            image.append(element("polygon", {"label": CLASS, "points": points, "occluded": 0, "z_order": 0}))
    write_xml(folder / "annotations.xml", root)


def labelme(name: str, height: int, width: int, shapes: Sequence[Mapping[str, Any]], **others: Any) -> Any:
    """The content of a LabelMe file."""
    common = {"label": CLASS, "group_id": None, "shape_type": "polygon", "flags": {}}
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": [{**common, **shape} for shape in shapes],
        "imagePath": name,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
        **others,
    }


def write_labelme(samples: Sequence[Sample], folder: Path) -> None:
    put(samples, folder)
    for sample in samples:
        shapes = [{"points": [list(point) for point in ring]} for ring in sample.rings]
        content = labelme(sample.name, sample.height, sample.width, shapes)
        write_json((folder / sample.name).with_suffix(".json"), content)


def task(
    name: str, height: int, width: int, values: Sequence[tuple[str, Mapping[str, Any]]], **others: Any
) -> dict[str, Any]:
    """A task of Label Studio with one annotation: types and values of its results."""
    results = [
        {
            "id": f"r{number}",
            "type": kind,
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": dict(value),
        }
        for number, (kind, value) in enumerate(values)
    ]
    annotation = {"id": 1, "result": results, "was_cancelled": False, "updated_at": "2026-01-02T03:04:05Z"}
    return {"id": 1, "data": {"image": name}, "annotations": [annotation], "predictions": [], **others}


def write_label_studio(samples: Sequence[Sample], folder: Path) -> None:
    put(samples, folder / "images")
    tasks = []
    for number, sample in enumerate(samples, 1):
        values = [
            (
                "polygonlabels",
                {
                    "points": [[100 * x / sample.width, 100 * y / sample.height] for x, y in ring],
                    "polygonlabels": [CLASS],
                },
            )
            for ring in sample.rings
        ]
        upload = f"/data/upload/1/{number:08x}-{sample.name}"
        tasks.append(task(upload, sample.height, sample.width, values, id=number))
    write_json(folder / "project-1.json", tasks)


def bitmap(pixels: NDArray[np.uint8], left: int, top: int) -> dict[str, Any]:
    """Pixels as Supervisely packs them."""
    rgba = np.dstack([pixels * np.uint8(255)] * 4)
    packed = zlib.compress(cv2.imencode(".png", rgba)[1].tobytes())
    return {"data": base64.b64encode(packed).decode(), "origin": [left, top]}


def supervisely(height: int, width: int, objects: Sequence[Mapping[str, Any]], **others: Any) -> Any:
    """The content of an annotation of Supervisely."""
    drawn = [{"classTitle": CLASS, "tags": [], **thing} for thing in objects]
    size = {"height": height, "width": width}
    return {"description": "", "tags": [], "size": size, "objects": drawn, **others}


def write_supervisely(samples: Sequence[Sample], folder: Path) -> None:
    put(samples, folder / "ds0/img")
    write_json(folder / "meta.json", {"classes": [{"title": CLASS, "shape": "polygon"}], "tags": []})
    for sample in samples:
        objects = [
            {"geometryType": "polygon", "points": {"exterior": [list(p) for p in ring], "interior": []}}
            for ring in sample.rings
        ]
        content = supervisely(sample.height, sample.width, objects)
        write_json(folder / "ds0/ann" / f"{sample.name}.json", content)


def write_yolo(samples: Sequence[Sample], folder: Path) -> None:
    put(samples, folder / "images")
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text(f"names:\n  0: {CLASS}\n")
    for sample in samples:
        rows = [
            " ".join(["0", *(f"{x / sample.width:.9f} {y / sample.height:.9f}" for x, y in ring)])
            for ring in sample.rings
        ]
        (folder / "labels" / sample.name).with_suffix(".txt").write_text("\n".join(rows))


OUTLINES: dict[str, Callable[[Sequence[Sample], Path], None]] = {
    "coco": write_coco,
    "cvat": write_cvat,
    "labelme": write_labelme,
    "label-studio": write_label_studio,
    "supervisely": write_supervisely,
    "yolo": write_yolo,
}
"""By format: writes images and their outlines, as the tool does."""


def palette_png(values: NDArray[np.uint8], colors: Sequence[tuple[int, int, int]]) -> bytes:
    """A PNG with a palette, as Pascal VOC stores masks; OpenCV writes none.

    Args:
        values: (H, W), numbers of colors.
        colors: red, green, blue of each.
    """

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    height, width = values.shape
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 3, 0, 0, 0])
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", header),
            chunk(b"PLTE", bytes(channel for color in colors for channel in color)),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def voc_xml(name: str, height: int, width: int, boxes: Sequence[Mapping[str, Any]]) -> Element:
    """An annotation of Pascal VOC: boxes with left, top, right, bottom and further fields of their object."""
    root = element("annotation", {}, text_element("filename", name))
    root.append(element("size", {}, text_element("width", width), text_element("height", height)))
    for box in boxes:
        sides = {"xmin": box["left"], "ymin": box["top"], "xmax": box["right"], "ymax": box["bottom"]}
        others = {k: v for k, v in box.items() if k not in ("left", "top", "right", "bottom")}
        thing = SubElement(root, "object")
        thing.extend(text_element(k, v) for k, v in {"name": CLASS, **others}.items())
        thing.append(element("bndbox", {}, *(text_element(k, v) for k, v in sides.items())))
    return root


def write_voc(samples: Sequence[Sample], folder: Path) -> None:
    """Boxes around the outlines, as far as the outlines' pixels reach."""
    put(samples, folder / "JPEGImages")
    for sample in samples:
        ends = [(np.min(ring, axis=0), np.max(ring, axis=0)) for ring in sample.rings]
        boxes = [
            {"left": int(low[0]) + 1, "top": int(low[1]) + 1, "right": int(high[0]), "bottom": int(high[1])}
            for low, high in ends
        ]
        root = voc_xml(sample.name, sample.height, sample.width, boxes)
        write_xml((folder / "Annotations" / sample.name).with_suffix(".xml"), root)


TOOLS = {**OUTLINES, "voc": write_voc}
"""By format: writes labels from which a training can be made."""
