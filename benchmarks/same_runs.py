"""Are two comparisons the same, for example from two versions of gainspect or two machines?

    python benchmarks/same_runs.py ONE OTHER

ONE and OTHER are folders of `gainspect compare` or `gainspect demo`. Each file of each run is compared,
either byte for byte or by its values; times, dates and names of the machine do not count.
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch

from gainspect.inspection.bundle import Bundle, read_bundle
from gainspect.release.formats.onnx import without_sources
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_backend
from results_table import markdown, save

_TIMED = {"seconds"}


def main() -> None:
    """Compare, print and save; exit code 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--name", default="same_runs", help="of the table in benchmarks/results/")
    options = parser.parse_args()
    rows = [
        {"what": "compare.csv", "found": tables(options.one / "compare.csv", options.other / "compare.csv")}
    ]
    for folder in sorted(path.parent for path in options.one.glob("*/config.yaml")):
        pair = RunFolder(folder), RunFolder(options.other / folder.name)
        rows += [{"what": f"{folder.name}: {what}", "found": found} for what, found in runs(*pair).items()]
    text = markdown(rows)
    print(text)
    print("Saved:", save(options.name, "Two comparisons, file by file", text))
    sys.exit(any("differ" in row["found"] for row in rows))


def runs(one: RunFolder, other: RunFolder) -> dict[str, str]:
    """The result of the comparison for each file of two runs."""
    found = {
        "split.csv": tables(one.split_file, other.split_file),
        "log.csv": tables(one.log_file, other.log_file),
        "weights": _said(_tensors(one), _tensors(other), _same_tensors),
        "epoch kept": _said(one.result()["epoch"], other.result()["epoch"]),
        "predictions.csv": tables(*(run.evaluation_folder() / "predictions.csv" for run in (one, other))),
        "metrics.json": _said(*(json.loads(_read(run, "metrics.json")) for run in (one, other))),
        "threshold": _said(one.policy().threshold, other.policy().threshold),
    }
    if one.bundle_file.is_file() and other.bundle_file.is_file():
        found |= bundles(read_bundle(one.bundle_file), read_bundle(other.bundle_file))
    return found


def bundles(one: Bundle, other: Bundle) -> dict[str, str]:
    """The result of the comparison for the files of two bundles that do not contain a date."""
    first, second = one.description, other.description
    found = {
        "bundle: policy": _said(first.policy, second.policy),
        "bundle: preprocessing, graph": _said(
            (first.preprocessing, first.graph), (second.preprocessing, second.graph)
        ),
        "bundle: ONNX graph and weights": _said(
            *(without_sources(onnx.load_from_string(b.contents["model.onnx"])) for b in (one, other)),
            lambda a, b: a.SerializeToString() == b.SerializeToString(),
        ),
    }
    for name in ("golden.npz", "parity.json"):
        found[f"bundle: {name}"] = _said(one.contents[name], other.contents[name])
    return found


def tables(one: Path, other: Path) -> str:
    """The result of the comparison of two CSV files; columns of seconds do not count."""
    if one.read_bytes() == other.read_bytes():
        return "the same bytes"
    return _said(*(_rows(path) for path in (one, other)))


def _said(one: Any, other: Any, same: Callable[[Any, Any], bool] = lambda a, b: bool(a == b)) -> str:
    if not same(one, other):
        return "differ"
    return "the same bytes" if isinstance(one, bytes) else "the same values"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k not in _TIMED} for row in csv.DictReader(file)]


def _read(run: RunFolder, name: str) -> str:
    return (run.evaluation_folder() / name).read_text(encoding="utf-8")


def _tensors(run: RunFolder) -> dict[str, torch.Tensor]:
    """The tensors under their current names, even if they were saved under older names."""
    return dict(trained_backend(run).graph.model.state_dict())


def _same_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


if __name__ == "__main__":
    main()
