"""What people feed an inspector, before and now: one row for each case.

    python benchmarks/cases.py --cases DIR --demo gainspect-demo

DIR holds the cases: a README.md with a table (case, input, before, right), and a script for each that makes
its input. `gainspect-demo` is what `make demo` leaves. Nothing is written into either.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gainspect.data.decode import read_image
from gainspect.data.importers import load_manifest
from gainspect.data.masks import require_one_meaning
from gainspect.errors import GainspectError
from results_table import markdown, save

BUNDLE = "DEMO/S9-seed1/model.gain"
QUICK = ("--backbone", "test_efficientnet", "--weights", "none", "--epochs", "1", "--strategy", "S1")


@dataclass(frozen=True)
class Place:
    """A copy of the cases, with their inputs."""

    folder: Path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run gainspect there."""
        return subprocess.run(
            [sys.executable, "-c", "from gainspect.cli import main; main()", *command],
            cwd=self.folder,
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "OMP_NUM_THREADS": "2"} | environment,
            capture_output=True,
            text=True,
            errors="replace",
        )

    def make(self, case: str) -> None:
        """Make the input of a case."""
        subprocess.run([sys.executable, f"{case}/make.py"], cwd=self.folder, check=True, capture_output=True)

    def inspect(self, *paths: str, **environment: str) -> str:
        """Verdicts in short: how many of each, and why files were refused."""
        done = self.run("inspect", BUNDLE, *paths, "--jsonl", **environment)
        if done.returncode not in (0, 3):
            return _sentence(done)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        verdicts = Counter(record["verdict"] for record in records if record["verdict"])
        told = [f"{count} {verdict.upper()}" for verdict, count in verdicts.items()]
        refused = Counter(_short(record["error"]) for record in records if record["error"])
        told += [f"{count} refused ({why})" for why, count in refused.items()]
        left = [line for line in done.stderr.splitlines() if "not taken" in line]
        return "; ".join([*told, *left]) or "nothing"

    def check(self, *data: str) -> str:
        """For each data set, what `data check` finds, in short."""
        return "; ".join(f"{Path(name).name}: {self._checked(name)}" for name in data)

    def _checked(self, data: str, *options: str) -> str:
        done = self.run("data", "check", data, "--json", *options)
        if done.returncode not in (0, 1):
            return _sentence(done)
        report = json.loads(done.stdout)
        found = [f"{f['severity']} {f['what']}" for f in report["findings"] if f["severity"] != "info"]
        return f"{report['images']} images read" + "".join(f", {what}" for what in found)

    def masks(self, *data: str) -> str:
        """For each data set, how many masks mark how much of their image, or why they are refused."""
        return "; ".join(f"{Path(name).name}: {self._marked(name)}" for name in data)

    def _marked(self, data: str) -> str:
        try:
            manifest = load_manifest(self.folder / data)
            marked = [part for part in manifest.parts if part.mask is not None]
            require_one_meaning(part.mask for part in marked if part.mask is not None)
            shares = [manifest.reading.marks(p.mask, None, p.image).defect.mean() for p in marked if p.mask]
        except GainspectError as error:
            return f"refused ({_short(error.what)})"
        return f"{len(shares)} masks, {np.mean(shares):.1%} of the image"

    def train(self, data: str, *options: str) -> str:
        """What a short training says before it begins, or why it is refused."""
        with tempfile.TemporaryDirectory() as out:
            done = self.run("train", "--data", data, "--out", f"{out}/run", *QUICK, *options, "--no-bundle")
        if done.returncode:
            return _sentence(done)
        said = re.split(r"\d+ epochs? of ", done.stdout)[0]
        return " ".join(said.split()) or "trained, nothing said"


def _sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The error in one line; a traceback as what it is."""
    if "Traceback (most" in done.stderr:
        return f"TRACEBACK: {done.stderr.strip().splitlines()[-1]}"
    return f"refused: {_short(' '.join(done.stderr.split()))}"


def _short(error: str) -> str:
    """The first sentence, without the program's name and the place."""
    sentence = re.split(r"(?<=[a-z)\]'\"0-9])\. (?=[A-Z])", re.sub(r"^(Error|gainspect)[: ]*", "", error))[0]
    return sentence[:140]


def python_api(place: Place) -> str:
    """How many of the calls of C13 end with a verdict, a sentence, or a traceback."""
    done = subprocess.run(
        [sys.executable, "C13/make.py"], cwd=place.folder, capture_output=True, text=True, check=True
    )
    kinds = Counter(
        "traceback" if "TRACEBACK" in line else "a sentence" if "GainspectError" in line else "verdicts"
        for line in done.stdout.splitlines()
        if "->" in line
    )
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def same_part(place: Place) -> str:
    """The verdicts of each form of the six NG parts of C12."""
    return "; ".join(
        f"{form.name}: {place.inspect(f'C12/in/{form.name}')}"
        for form in sorted((place.folder / "C12/in").iterdir())
    )


def layouts(place: Place) -> str:
    """Of C11, what is read; what is read must be what was written."""
    gray = np.load(place.folder / "C11/expected_grey.npy")
    pictures = {
        "g": gray,
        "b": np.where(gray > 60, 255, 0),
        "c": np.load(place.folder / "C11/expected_rgb.npy"),
    }
    counts: Counter[str] = Counter()
    for file in sorted((place.folder / "C11/in").iterdir()):
        expected = pictures[file.name[0]]
        expected = expected if expected.ndim == 3 else np.repeat(expected[:, :, None], 3, axis=2)
        try:
            apart = np.abs(read_image(file).astype(np.int64) - expected).mean()
        except GainspectError:
            counts["refused"] += 1
            continue
        lossy = file.suffix == ".jpg" or file.name == "c_palette.png"
        counts["right" if apart < (12 if lossy else 1) else f"wrong ({file.name})"] += 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def twice_into_itself(place: Place) -> str:
    """C31: judge a folder twice, with the results in it."""
    told = []
    for _ in range(2):
        done = place.run("inspect", BUNDLE, "C31/in", "--out", "C31/in/result", "--overlay")
        told.append(next((line for line in done.stdout.splitlines() if "judged" in line), "all judged"))
    return "; ".join(told)


def odd_shapes(place: Place) -> str:
    """C25: judge odd shapes with overlays; and check data sets of them."""
    done = place.run("inspect", BUNDLE, "C25/in", "--out", "C25/out", "--overlay")
    drawn = len(list((place.folder / "C25/out/overlays").glob("*.png")))
    said = _sentence(done) if done.returncode not in (0, 3) else f"exit code {done.returncode}"
    return f"{said}, {drawn} overlays; {place.check('C25/tiny8', 'C25/line1', 'C25/many')}"


def colliding(place: Place) -> str:
    """C20: data sets in which two images have one stem, and overlays of one name."""
    place.run("inspect", BUNDLE, "C20/lot", "--out", "C20/out", "--overlay")
    names = sorted(path.name for path in (place.folder / "C20/out/overlays").iterdir())
    return f"{place.check('C20/ds', 'C20/ds2')}; overlays {', '.join(names)}"


def encodings(place: Place) -> str:
    """C42: commands whose output has another encoding."""
    told = []
    for encoding in ("cp949", "ascii"):
        for command in (
            ("inspect", BUNDLE, "C10/in"),
            ("data", "check", "C01/upper"),
            ("bundle", "show", BUNDLE),
        ):
            done = place.run(*command, PYTHONIOENCODING=encoding)
            told.append("TRACEBACK" if "Traceback" in done.stderr else "prints")
    return ", ".join(f"{kind}: {count}" for kind, count in Counter(told).items())


def small_shared_memory(place: Place) -> str:
    """C30: as many workers as asked for, but /dev/shm of 64 MB or less only if this machine has it so."""
    return place.train("C30/ds", "--size", "64", "--set", "training.workers=4")


NOW: dict[str, Callable[[Place], str]] = {
    "C01": lambda p: p.masks("C01/upper", "C01/bmp", "C01/lower"),
    "C02": lambda p: p.masks(*(f"C02/{n}" for n in ("red", "blue", "green", "voc", "mix", "grey"))),
    "C03": lambda p: (
        f"{p.masks('C03/index', 'C03/palette')}; with --mask-values 1=defect,255=ignore: "
        f"{p._checked('C03/index', '--mask-values', '1=defect,255=ignore')}"
    ),
    "C04": lambda p: f"{p.masks('C04/zero_one', 'C04/u16_255')}",
    "C05": lambda p: (
        f"{p.masks('C05/rgba_white', 'C05/la_white', 'C05/rgba_redpaint')}; {p.check('C05/inverted')}"
    ),
    "C06": lambda p: f"{p.inspect('C06/stick')}; {p.check('C06/train')}",
    "C08": lambda p: f"{p.inspect('C08/in')}; {p.check('C08/ds')}",
    "C09": lambda p: p.check("C09/같은 이름", "C09/nfd_mask", "C09/nfd_images", "C09/nfd_csv"),
    "C10": lambda p: p.inspect("C10/in"),
    "C11": layouts,
    "C12": same_part,
    "C13": python_api,
    "C16": lambda p: f"{p.inspect('C16/line')}; {p.inspect('C16/huge')}",
    "C17": lambda p: (
        f"{p.check('C17/all_ok', 'C17/ok_test', 'C17/one_ng', 'C17/no_masks')}; "
        f"train no_masks: {p.train('C17/no_masks', '--size', '64')}"
    ),
    "C18": lambda p: p.check(
        *(f"C18/{n}" for n in ("mvtec", "okng", "images_okng", "capitals", "mask_suffix", "subfolders")),
        *(f"C18/{n}" for n in ("partly_sub", "partly_nomask")),
    ),
    "C19": lambda p: p.check(*sorted(f"C19/{f.name}" for f in (p.folder / "C19").glob("*.csv"))),
    "C20": colliding,
    "C23": lambda p: p.inspect("C23/in"),
    "C25": odd_shapes,
    "C28": lambda p: p.check("C28/ds"),
    "C30": small_shared_memory,
    "C31": twice_into_itself,
    "C32": lambda p: p.inspect("C32/in"),
    "C36": lambda p: f"{p.inspect('C36/lot')}; {p.check('C36/ds')}",
    "C42": encodings,
    "C45": lambda p: p.masks(
        *(
            f"C45/{n}"
            for n in ("jpeg", "antialias", "palette_white", "onebit", "u16", "la_opaque", "rgb_white")
        )
    ),
}
"""What is said of each case now."""


def main() -> None:
    """Make each case, run it, and print and save the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--demo", type=Path, required=True)
    parser.add_argument("--only", help="cases, comma-separated; the table is then printed only")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else sorted(NOW)
    told = _rows((options.cases / "README.md").read_text(encoding="utf-8"))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        place = Place(Path(temporary) / "cases")
        shutil.copytree(options.cases, place.folder)
        subprocess.run(["chmod", "-R", "u+w", str(place.folder)], check=True)
        (place.folder / "DEMO").symlink_to(options.demo.resolve())
        verdicts = place.run("inspect", BUNDLE, "DEMO/data/images/test", "--jsonl").stdout
        (place.folder / "base.jsonl").write_text(verdicts, encoding="utf-8")
        for case in chosen:
            if case != "C13":
                place.make(case)
            row = dict(zip(("case", "input", "before", "right"), told[case], strict=True))
            row["now"] = NOW[case](place).replace("|", "/")
            print(f"{case}: {row['now']}", flush=True)
            rows.append(row)
    table = markdown(rows)
    if options.only is None:
        print(table)
        print("Saved:", save("cases", "What people feed an inspector, before and now", table))


def _rows(text: str) -> dict[str, Sequence[str]]:
    """The table of the cases' README: the cells by case."""
    lines = (line for line in text.splitlines() if re.match(r"\| C\d+ ", line))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[0]: row for row in cells}


if __name__ == "__main__":
    main()
