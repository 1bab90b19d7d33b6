"""Writes tests/golden/label_tools.json: what label tools' own code makes of small sets of labels.

These packages cannot be installed beside OpenCV 5, so that each runs in an environment of its own:

    python -m venv ENV && ENV/bin/pip install label-studio-converter==0.0.59
    ENV/bin/python tests/reference/label_tools.py tests/golden/label_tools.json

and the same with label-studio-sdk==2.1.0 and with datumaro==1.13.0. Each run replaces its part of the file.
"""

import base64
import importlib.metadata
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

SEED = 20260102


def blobs(rng, height, width):
    """(height, width) of 0 and 1: an ellipse and a few single pixels."""
    y, x = np.mgrid[:height, :width]
    cy, cx = rng.uniform(0.2, 0.8, 2) * (height, width)
    ry, rx = rng.uniform(0.1, 0.35, 2) * (height, width)
    mask = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
    mask[rng.integers(0, height, 3), rng.integers(0, width, 3)] = True
    return mask.astype(np.uint8)


def rows(mask):
    """A mask as text, a row each."""
    return ["".join("1" if value else "0" for value in row) for row in mask]


def brushes(brush):
    """Masks, and Label Studio's run lengths of pictures that are transparent outside of them."""
    rng = np.random.default_rng(SEED)
    made = []
    for height, width in [(1, 1), (5, 7), (16, 16), (23, 40)]:
        mask = blobs(rng, height, width)
        rgba = np.zeros((height, width, 4), np.uint8)
        # A brush is drawn smooth: colors and opacity vary.
        rgba[mask > 0] = rng.integers(1, 256, (int(mask.sum()), 4))
        numbers = [int(number) for number in brush.encode_rle(rgba.ravel())]
        decoded = np.asarray(brush.decode_rle(numbers)).reshape(height, width, 4)[:, :, 3]
        assert (decoded == rgba[:, :, 3]).all()
        made.append({"rle": numbers, "mask": rows(decoded > 0)})
    return made


def datumaro_sets():
    """A set as datumaro writes it in each format, with the masks that were given to it."""
    from datumaro.components.annotation import AnnotationType, Bbox, LabelCategories, Mask, MaskCategories
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image

    rng = np.random.default_rng(SEED)
    classes = ["background", "scratch", "dent"]
    labels = LabelCategories.from_iterable(classes)
    colors = MaskCategories({0: (0, 0, 0), 1: (128, 0, 0), 2: (10, 200, 30)})
    items, truth = [], {}
    for number, split in enumerate(["train", "train", "val", "val"]):
        height, width = 20 + number, 30
        name = f"part{number}"
        pixels = np.full((height, width, 3), 100 + number, np.uint8)
        drawn = {1: blobs(rng, height, width)}
        drawn[2] = blobs(rng, height, width) * (1 - drawn[1])
        annotations = [Mask(mask, label=label, id=label, group=label) for label, mask in drawn.items()]
        if number == 3:
            annotations = [Bbox(2, 3, 10, 6, label=1, id=7, group=7)]
            drawn = {1: np.zeros((height, width), np.uint8)}
            drawn[1][3:9, 2:12] = 1
        media = Image.from_numpy(data=pixels, ext=".png")
        items.append(DatasetItem(id=name, subset=split, media=media, annotations=annotations))
        truth[name] = {"split": split, **{classes[label]: rows(mask) for label, mask in drawn.items()}}
    categories = {AnnotationType.label: labels, AnnotationType.mask: colors}
    made = {"truth": truth, "sets": {}}
    kinds = {"voc": {"label_map": "source"}, "cvat": {}, "yolo": {}, "yolo_ultralytics": {}}
    for kind, others in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            data = Dataset.from_iterable(items, categories=categories, media_type=Image)
            data.export(folder, kind, save_media=True, **others)
            files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
            made["sets"][kind] = {
                file.relative_to(folder).as_posix(): base64.b64encode(file.read_bytes()).decode()
                for file in files
            }
    return made


def _makers():
    """What each package makes, by its name."""

    def of_converter():
        from label_studio_converter import brush

        return brushes(brush)

    def of_sdk():
        from label_studio_sdk.converter import brush

        return brushes(brush)

    return {"label-studio-converter": of_converter, "label-studio-sdk": of_sdk, "datumaro": datumaro_sets}


def main(path):
    there = json.loads(path.read_text()) if path.is_file() else {}
    for package, make in _makers().items():
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        there[package] = {"version": version, "numpy": np.__version__, "made": make()}
        print(package, version)
    path.write_text(json.dumps(there, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
