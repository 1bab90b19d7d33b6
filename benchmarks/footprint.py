"""What an inspection computer needs: a new environment with only gainspect's core, and a bundle.

The script installs the repository into a new virtual environment (with the versions of constraints.txt),
measures it, and inspects a few synthetic parts with an untrained bundle on the command line.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from pathlib import Path

import cv2

from gainspect.data.synthetic import probe_frames
from results_table import markdown, save
from untrained import untrained_bundle

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "torchvision", "timm", "lightning", "sklearn", "scipy", "matplotlib", "openvino")
_IMPORTS = 5
_LARGEST = 6


def main() -> None:
    """Install, measure, inspect, print, save; exit code 1 if a heavy package was installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        programs = install(place / "venv")
        packages = sizes(next((place / "venv" / "lib").glob("python3*")) / "site-packages")
        found = [name for name in HEAVY if _python(programs, f"import {name}").returncode == 0]
        bundle = untrained_bundle(place / "part.gain", backbone=options.backbone, size=options.size)
        for index, frame in enumerate(probe_frames(options.size)):
            cv2.imwrite(str(place / f"{index}.png"), frame)
        verdicts, seconds = inspect(programs, bundle.path, place)
        rows: list[dict[str, object]] = [
            {"": "environment on disk, MiB", "value": round(sum(packages.values()))},
            *(
                {"": f"of it {name}, MiB", "value": round(size)}
                for name, size in packages.most_common(_LARGEST)
            ),
            {
                "": "`import gainspect; gainspect.Inspector`, s (median of 5)",
                "value": import_seconds(programs),
            },
            {"": f"of {', '.join(HEAVY)} installed", "value": ", ".join(found) or "none"},
            {"": "bundle, MiB", "value": bundle.path.stat().st_size / 2**20},
            {"": f"`gainspect inspect` of {verdicts} images, s (with start)", "value": seconds},
        ]
    table = markdown(rows)
    print(table)
    text = f"{' '.join((__doc__ or '').split())}\n\n{options.backbone}, S9, {options.size} px.\n\n{table}"
    print("Saved:", save("footprint", "Footprint of an inspection computer", text))
    sys.exit(1 if found else 0)


def install(place: Path) -> Path:
    """Create the environment, and return its folder of programs."""
    venv.create(place, with_pip=True)
    pip = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", ROOT], check=True)
    return place / "bin"


def sizes(site_packages: Path) -> Counter[str]:
    """Size in MiB of each top-level folder of site-packages, without pip."""
    found: Counter[str] = Counter()
    for file in site_packages.rglob("*"):
        name = file.relative_to(site_packages).parts[0]
        if file.is_file() and not name.startswith("pip"):
            found[name] += file.stat().st_size / 2**20
    return found


def import_seconds(programs: Path) -> float:
    """Time of a new process that imports the Inspector, minus the time of one that imports nothing."""
    taken = {"": [], "import gainspect; gainspect.Inspector": []}
    for _ in range(_IMPORTS):
        for code, seconds in taken.items():
            started = time.perf_counter()
            _python(programs, code).check_returncode()
            seconds.append(time.perf_counter() - started)
    nothing, inspector = (statistics.median(seconds) for seconds in taken.values())
    return inspector - nothing


def inspect(programs: Path, bundle: Path, images: Path) -> tuple[int, float]:
    """How many images the command line judges, and how many seconds it takes."""
    command = [programs / "gainspect", "inspect", bundle, images / "*.png", "--jsonl"]
    started = time.perf_counter()
    # Use what is installed, not the sources of this environment.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    return sum(json.loads(line)["verdict"] is not None for line in done.stdout.splitlines()), seconds


def _python(programs: Path, code: str) -> subprocess.CompletedProcess[bytes]:
    # -I: uses nothing from this environment or from the current folder.
    return subprocess.run([programs / "python", "-I", "-c", code], capture_output=True)


if __name__ == "__main__":
    main()
