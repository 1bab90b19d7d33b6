"""How long it takes from a label tool to a report: the five commands of the README, one after the other.

`--source` is the export; what is said of its classes follows `--`, as for `gainspect data import`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gainspect.data.manifest import read_manifest
from results_table import markdown, save

GAINSPECT = [sys.executable, "-c", "from gainspect.cli import main; main()"]


def main() -> None:
    """Run the commands, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="what a label tool gave")
    parser.add_argument("--epochs", default="12")
    parser.add_argument("said", nargs="*", help="what is said of its labels, such as --defect Crack")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        parts, run = place / "PARTS", place / "RUN"
        lite0 = ["--backbone", "tf_efficientnet_lite0", "--epochs", options.epochs]
        commands = {
            "import": ["data", "import", str(options.source), "--out", str(parts), *options.said],
            "check": ["data", "check", str(parts)],
            "train": ["train", "--data", str(parts), "--out", str(run), *lite0],
            "evaluate": ["evaluate", str(run)],
            "report": ["report", str(run)],
        }
        rows: list[dict[str, object]] = []
        for name, command in commands.items():
            begun = time.perf_counter()
            done = subprocess.run([*GAINSPECT, *command], check=False)
            if done.returncode not in (0, 1):  # 1: `data check` has errors to tell of
                raise SystemExit(f"{name} ended with exit code {done.returncode}")
            rows.append({"command": _shown(command, options.source, place), "s": time.perf_counter() - begun})
        images = len(read_manifest(parts / "manifest.csv").parts)
    text = f"{' '.join((__doc__ or '').split())}\n\n{images} images.\n\n"
    print(
        "Saved:",
        save("first_training", f"From labels to a report: {options.source.name}", text + markdown(rows)),
    )


def _shown(command: list[str], source: Path, place: Path) -> str:
    """A command as a person would type it."""
    named = (word.replace(f"{place}/", "").replace(str(source), source.name) for word in command)
    return f"`gainspect {' '.join(named)}`"


if __name__ == "__main__":
    main()
