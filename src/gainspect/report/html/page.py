"""HTML pages: one file each, all style and script inside, nothing from elsewhere."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import gainspect
from gainspect.errors import GainspectError
from gainspect.files import write_text
from gainspect.report.texts import Wording

MAX_BYTES = 15 * 2**20


def write_page(template: str, out: Path, wording: Wording, **values: Any) -> None:
    """Fill a template and write the page, atomically.

    Args:
        template: file in `report/html/templates/`.
        out: HTML file to write.
        wording: its language.
        values: what the template shows.

    Raises:
        GainspectError: the page is larger than a mail takes.
    """
    environment = Environment(
        loader=PackageLoader("gainspect.report.html"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "number": number, "span": span, "points": points}
    source = environment.loader
    assert isinstance(source, PackageLoader)
    inlined = {name: Markup(source.get_source(environment, name)[0]) for name in ("style.css", "script.js")}
    page = environment.get_template(template).render(
        t=wording,
        lang=wording.language,
        style=inlined["style.css"],
        script=inlined["script.js"],
        version=gainspect.__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        **values,
    )
    if len(page.encode()) > MAX_BYTES:
        raise GainspectError(
            f"the report has {len(page.encode()) / 2**20:.0f} MiB", where=out, hint="Report fewer images."
        )
    write_text(out, page)


def percent(share: float | None) -> str:
    r"""A share as a person reads it, the sign held to the number.

    >>> percent(0.8824), percent(1.0), percent(None)
    ('88.2\xa0%', '100\xa0%', '–')
    """
    if share is None:
        return "–"
    return f"{100 * share:.1f}".removesuffix(".0") + "\u00a0%"


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals; a true minus.

    >>> number(-0.5), number(None)
    ('−0.500', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def span(interval: Sequence[float] | None, as_percent: bool = False) -> str:
    """An interval.

    >>> span((0.81, 0.934)), span((0.81, 0.934), True), span(None)
    ('0.810 – 0.934', '81.0 – 93.4 %', '')
    """
    if interval is None:
        return ""
    if as_percent:
        return f"{100 * interval[0]:.1f} – {100 * interval[1]:.1f} %".replace("-", "−")
    return f"{interval[0]:.3f} – {interval[1]:.3f}".replace("-", "−")


def points(share: float | None) -> str:
    """A change of a probability, with its sign.

    >>> points(0.031), points(-0.5)
    ('+0.031', '−0.500')
    """
    return "–" if share is None else f"{share:+.3f}".replace("-", "−")
