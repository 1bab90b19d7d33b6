"""Does every runtime agree with the trained model on all test images of a run?

The run is exported in all formats; each runtime judges the test part, and torch is the reference. If the
export refuses INT8, the reason is given.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle
from gainspect.jobs.run_export import export_run
from gainspect.release.certificate import compare_formats
from gainspect.release.sample import frames_of
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_backend
from results_table import markdown, save

FORMATS = ("onnx", "openvino", "torch")


def main() -> None:
    """Export, compare, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run folder of `gainspect train`")
    parser.add_argument("--data", type=Path, help="data folder, if it has moved since")
    parser.add_argument("--name", default="parity", help="of the table in benchmarks/results/")
    options = parser.parse_args()
    run = RunFolder(options.run)
    with tempfile.TemporaryDirectory() as folder:
        bundle, refused = exported(run, Path(folder) / "model.gain", options.data)
    parts = run.manifest(options.data).split("test").parts
    frames = frames_of(parts, run.config().data)
    found = compare_formats(
        bundle, trained_backend(run), {"test": frames}, lambda step: print(step, flush=True)
    )
    rows = [
        {
            "runtime": f"{row['runtime']} {row['version']}",
            "precision": row["precision"],
            "verdict flips": f"{row['test']['flips']} of {row['test']['images']}",
            **{
                f"{name}, {kind} difference": f"{row['test']['outputs'][name][kind]:.1e}"
                for name in ("score", "evidence")
                for kind in ("max", "mean")
            },
            "evidence identity": f"{row['test']['evidence_identity']:.1e}",
        }
        for row in found["formats"]
    ]
    cpu = found["reference"]["cpu"]
    threshold = f"Threshold on P(NG) {bundle.description.policy.threshold:.4f}, {cpu}.\n\n"
    text = f"{' '.join((__doc__ or '').split())}\n\n{threshold}{markdown(rows)}{refused}"
    print(text)
    title = f"Parity: {run.config().strategy}, {run.config().data.input_size} px"
    print("Saved:", save(options.name, title, text))


def exported(run: RunFolder, out: Path, data: Path | None) -> tuple[Bundle, str]:
    """The bundle with all formats that the export accepts, and the error message if it refuses INT8."""

    def attempt(formats: Sequence[str]) -> Bundle:
        return export_run(run, out, formats=formats, data=data, on_step=lambda step: print(step, flush=True))[
            0
        ]

    try:
        return attempt((*FORMATS, "openvino-int8")), ""
    except GainspectError as error:
        if "INT8" not in error.what:
            raise
        return attempt(FORMATS), f"\n{error.what}.\n"


if __name__ == "__main__":
    main()
