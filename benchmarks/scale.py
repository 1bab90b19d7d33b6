"""How the cost of what is done once for a data set grows with it: time and peak memory, on small images.

Each step runs in a process of its own for each number of images, on one thread. Seconds are those of the CPU,
which other work on the machine changes little. An exponent is that of the power of the number of images by
which the cost grows from one number to the next; n log n is about 1.1. Memory is the peak above what the
process had before the step. Scores are drawn, or the darkness of the images; no network is run.

The folder `--work` keeps the images, and every finished step of a commit, so that a run that was stopped
goes on; `--kept` makes the table of those alone. `--before DIR` measures the code in DIR too, a checkout of
an older commit, as far as it has the same functions.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from scale_steps import SIDE, STEPS, TABLE, Cost, write_parts

PROJECT = Path(__file__).resolve().parents[1]
_SCRIPT = Path(__file__).with_name("scale_steps.py")
_LACKS = "ImportError", "TypeError", "AttributeError"
"""How an older gainspect says that it has not what a step calls."""
_CHANGED = "-changed"
"""What was measured there before may not hold."""

_NONE, _NOT_YET = "–", "not measured"
"""In the place of the costs of a step that the code does not have, and of one that did not run yet."""

Costs = dict[str, dict[int, Cost | str]]
"""By step and number of images; in words, why it could not be measured."""


def main() -> None:
    """Write the images, measure, print, save."""
    from results_table import markdown, save  # it imports torch, which is not needed before

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for images and finished steps")
    parser.add_argument("--images", default="1000,10000", help="numbers of images, rising")
    parser.add_argument("--full", action="store_true", help="100,000 images too")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--kept", action="store_true", help="measure nothing")
    parser.add_argument("--before", type=Path, help="checkout of an older commit")
    parser.add_argument("--before-images", default="1000,10000", help="numbers of images for it")
    options = parser.parse_args()
    numbers = [*_whole(options.images), *([100_000] if options.full else [])]
    steps = options.steps.split(",")
    now = costs(PROJECT, steps, numbers, options.work, kept_only=options.kept)
    text = f"{' '.join((__doc__ or '').split())}\n\n{markdown([_row(step, now[step]) for step in steps])}"
    if options.before is not None:
        numbers = _whole(options.before_images)
        before = costs(options.before, steps, numbers, options.work, kept_only=options.kept)
        text += f"\nBefore is commit {commit_of(options.before)}; {_NONE}: it has no such function.\n\n"
        text += markdown([_compared(step, before[step], now[step]) for step in steps])
        text += "".join(_failures(before))
    print(text)
    print("Saved:", save("scale", f"Cost by the number of images, of {SIDE} × {SIDE} px", text))


def costs(
    source: Path, steps: Sequence[str], numbers: Sequence[int], work: Path, *, kept_only: bool = False
) -> Costs:
    """What the steps cost with the code of a checkout; those that are in WORK already are not run again."""
    found: Costs = {step: {} for step in steps}
    commit = commit_of(source)
    kept = work / f"{commit}.json"
    known = json.loads(kept.read_text()) if kept.is_file() and not commit.endswith(_CHANGED) else {}
    for number in numbers:
        folder = work / str(number)
        if not kept_only and not (folder / TABLE).is_file():  # it is written last
            folder.mkdir(parents=True, exist_ok=True)
            write_parts(folder, number)
        for step in steps:
            name = f"{step}, {number}"
            if name not in known and not kept_only:
                print(f"{commit}: {name}", file=sys.stderr)
                known[name] = measured(source, step, folder)
                kept.write_text(json.dumps(known, indent=1))
            cost = known.get(name, _NOT_YET)
            found[step][number] = cost if isinstance(cost, str) else Cost(*cost)
    return found


def measured(source: Path, step: str, folder: Path) -> Cost | str:
    """Run a step in a new process, on one thread; of an older commit it may fail."""
    environment = os.environ | {
        "PYTHONPATH": str(source / "src"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, str(_SCRIPT), step, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Cost(*json.loads(done.stdout.splitlines()[-1]))
    if source == PROJECT:
        raise SystemExit(done.stderr)
    why = done.stderr.splitlines()[-1]
    return _NONE if why.startswith(_LACKS) else why.partition(": ")[2]


def commit_of(source: Path) -> str:
    """The short name of the last commit that changed the code of a checkout; `_CHANGED` for later changes."""
    git, code = ["git", "-C", str(source)], ["--", "src"]
    last = [*git, "log", "-1", "--format=%h", *code]
    name = subprocess.run(last, check=True, capture_output=True, text=True)
    same = subprocess.run([*git, "diff", "--quiet", "HEAD", *code], check=False).returncode == 0
    return name.stdout.strip() + ("" if same else _CHANGED)


def _row(name: str, of: Mapping[int, Cost | str]) -> dict[str, object]:
    """A row of the table: seconds, exponents, memory."""
    row: dict[str, object] = {"step": name}
    for number, cost in of.items():
        row[f"{number:,}: s"] = cost.seconds if isinstance(cost, Cost) else cost
    for (number, cost), (larger, other) in pairwise(of.items()):
        both = isinstance(cost, Cost) and isinstance(other, Cost)
        growth = math.log(other.seconds / cost.seconds) / math.log(larger / number) if both else _NONE
        row[f"exponent to {larger:,}"] = growth
    for number, cost in of.items():
        row[f"{number:,}: MiB"] = cost.bytes / 2**20 if isinstance(cost, Cost) else cost
    return row


def _compared(
    name: str, before: Mapping[int, Cost | str], now: Mapping[int, Cost | str]
) -> dict[str, object]:
    """A row of the second table: before and now at each number that both were measured at."""
    row: dict[str, object] = {"step": name}
    for number, cost in before.items():
        both = ("before", cost), ("now", now.get(number, _NOT_YET))
        for when, one in both:
            row[f"{number:,}: s {when}"] = one.seconds if isinstance(one, Cost) else _said(one)
        for when, one in both:
            row[f"{number:,}: MiB {when}"] = one.bytes / 2**20 if isinstance(one, Cost) else _said(one)
    return row


def _said(why: str) -> str:
    return why if why in (_NONE, _NOT_YET) else "fails"


def _failures(costs: Costs) -> Iterator[str]:
    """A paragraph for each step that failed."""
    for step, of in costs.items():
        for number, cost in of.items():
            if isinstance(cost, str) and _said(cost) == "fails":
                yield f'\nBefore, the step "{step}" fails at {number:,} images: {cost}\n'


def _whole(numbers: str) -> list[int]:
    return [int(number) for number in numbers.split(",")]


if __name__ == "__main__":
    main()
