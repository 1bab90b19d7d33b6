"""`gainspect inspect`."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from gainspect.cli.console import console, errors
from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from gainspect.inspection.stream import Inspected
    from gainspect.policy import HeatScale
    from gainspect.report.drawing.overlay import Style

_ROWS = 40
"""At most so many are printed; all are in the file."""


def inspect(
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    paths: Annotated[
        list[str], typer.Argument(help="Images, folders, globs, or - for one image from stdin.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for verdicts.jsonl and overlays.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one JSON line an image, no table.")] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also draw where the evidence is, into OUT/overlays.")
    ] = False,
    style: Annotated[
        str, typer.Option(help="Of the overlays: overlay, side-by-side or contour.")
    ] = "overlay",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the reason of NG verdicts, as the bundle says.")
    ] = True,
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime, openvino or torch.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
) -> None:
    """Judge images with a bundle; exit code 3 if a file could not be read (the rest is judged)."""
    from rich.progress import track

    from gainspect.files import write_text
    from gainspect.inspection.backends.backend import Precision, RuntimeName
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.inspector import Inspector
    from gainspect.inspection.stream import find_images, inspect_files, record_of
    from gainspect.report.drawing.overlay import Style
    from gainspect.report.terminal.verdict_table import verdict_table

    if overlay and out is None:
        raise GainspectError("--overlay needs a folder to draw into", hint="Add --out DIR.")
    if style not in get_args(Style):
        raise GainspectError(
            f"there is no style {style!r}", hint=f"Choose from {', '.join(get_args(Style))}."
        )
    require_choice(runtime, precision)
    sources = find_images(paths)
    inspector = Inspector.load(bundle, cast(RuntimeName, runtime), cast(Precision, precision), check=check)
    assert inspector.bundle is not None
    scale = inspector.bundle.description.policy.heat_scale()
    drawn = _Overlays(out / "overlays", cast(Style, style), scale) if overlay and out is not None else None
    records: list[dict[str, Any]] = []
    stopped, begun = False, time.perf_counter()
    shown = track(
        inspect_files(inspector, sources),
        "inspect",
        len(sources),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    try:
        for inspected in shown:
            records.append(record_of(inspected, inspector))
            if jsonl:
                typer.echo(json.dumps(records[-1], ensure_ascii=False))
            if drawn is not None:
                drawn.add(inspected)
    except KeyboardInterrupt:
        stopped = True
    seconds = time.perf_counter() - begun
    if out is not None:
        write_text(
            out / "verdicts.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in records)
        )
    if not jsonl:
        console.print(verdict_table(records, seconds, rows=_ROWS))
        if out is not None:
            console.print(f"Saved: {out / 'verdicts.jsonl'}")
    if stopped:
        errors.print(f"Stopped after {len(records)} of {len(sources)} images.")
        raise typer.Exit(130)
    broken = [row for row in records if row["error"] is not None]
    for row in broken:
        errors.print(f"[bold red]Not judged[/] {row['image']}: {row['error']}", highlight=False)
    raise typer.Exit(3 if broken else 0)


class _Overlays:
    """Draws where the evidence is, a PNG an image; images of the same name are numbered."""

    def __init__(self, folder: Path, style: "Style", scale: "HeatScale") -> None:
        self.folder = folder
        self.style = style
        self.scale = scale
        self._names: Counter[str] = Counter()

    def add(self, inspected: "Inspected") -> None:
        """Draw it, unless it could not be read."""
        from gainspect.files import atomic_path
        from gainspect.report.drawing.overlay import overlay, to_png

        if inspected.image is None or inspected.verdict is None:
            return
        stem = "stdin" if inspected.source == "-" else Path(inspected.source).stem
        self._names[stem] += 1
        name = stem if self._names[stem] == 1 else f"{stem}-{self._names[stem]}"
        picture = overlay(inspected.image, inspected.verdict, self.scale, self.style)
        with atomic_path(self.folder / f"{name}.png") as temporary:
            temporary.write_bytes(to_png(picture))
