"""`gainspect data review`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console, errors
from gainspect.cli.import_options import Import, choices_of


def review(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of `gainspect train`.")],
    out: Annotated[Path | None, typer.Option(help="HTML file.  [default: RUN/review.html]")] = None,
    most: Annotated[int, typer.Option(min=1, help="Images to show, the most doubtful first.")] = 100,
    lang: Annotated[str, typer.Option(help="Language: en or ko.")] = "en",
    data: Annotated[
        Path | None, typer.Option(help="Data folder, manifest, or labels of a tool, if they have moved.")
    ] = None,
    import_: Import = None,
) -> None:
    """List labels and masks that the network disputes, on a page that exports a person's corrections.

    Only images are judged that the network was not trained on: out of fold (`train --folds`), or the
    validation part. The test part is never judged.
    """
    from gainspect.jobs.review_labels import review_labels
    from gainspect.wording import plural

    path = out or run / "review.html"
    choices = choices_of(import_, data)
    reviewed = review_labels(run, path, most=most, language=lang, data=data, choices=choices, console=errors)
    found = reviewed.found
    console.print(
        f"Disputed, of {plural(found.judged, 'judged image')}: {plural(found.labels, 'label')}, "
        f"{plural(len(found.masks), 'mask')}; {reviewed.shown} shown.",
        soft_wrap=True,
    )
    then = (
        " Next: open it, decide, save the corrections; then gainspect data correct "
        f"{reviewed.data} CORRECTIONS.csv --out manifest.csv"
    )
    console.print(
        f"Saved: {path} ({path.stat().st_size / 2**20:.1f} MiB).{then if found.found else ''}", soft_wrap=True
    )
