"""HTML pages: each is a single file with all styles and scripts, and loads nothing from elsewhere."""

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
        wording: the texts in the language of the page.
        values: the values that the template shows.

    Raises:
        GainspectError: the page is larger than `MAX_BYTES`, too large to be sent by mail.
    """
    environment = Environment(
        loader=PackageLoader("gainspect.report.html"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "number": number, "span": span, "points": points}
    source = environment.loader
    assert isinstance(source, PackageLoader)

    def inlined(name: str) -> Markup:
        """A style sheet or a script, as it is."""
        return Markup(source.get_source(environment, name)[0])

    page = environment.get_template(template).render(
        t=wording,
        lang=wording.language,
        inlined=inlined,
        version=gainspect.__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        **values,
    )
    if len(page.encode()) > MAX_BYTES:
        raise GainspectError(
            f"the report is too large ({len(page.encode()) / 2**20:.0f} MiB)",
            where=out,
            hint="Report on fewer images: `gainspect report --limit 10000` takes a sample.",
        )
    write_text(out, page)


def percent(share: float | None) -> str:
    r"""A share in percent; a no-break space keeps number and sign together.

    >>> percent(0.8824), percent(1.0), percent(None)
    ('88.2\xa0%', '100\xa0%', '–')
    """
    if share is None:
        return "–"
    return f"{100 * share:.1f}".removesuffix(".0") + "\u00a0%"


def number(value: float | None, digits: int = 3) -> str:
    """A number with a fixed number of decimals and a true minus sign.

    >>> number(-0.5), number(None)
    ('−0.500', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def span(interval: Sequence[float] | None, as_percent: bool = False) -> str:
    """An interval as text.

    >>> span((0.81, 0.934)), span((0.81, 0.934), True), span(None)
    ('0.810 – 0.934', '81.0 – 93.4 %', '')
    """
    if interval is None:
        return ""
    if as_percent:
        return f"{100 * interval[0]:.1f} – {100 * interval[1]:.1f} %".replace("-", "−")
    return f"{interval[0]:.3f} – {interval[1]:.3f}".replace("-", "−")


def points(share: float | None) -> str:
    """A change of a probability, with its sign, as text.

    >>> points(0.031), points(-0.5)
    ('+0.031', '−0.500')
    """
    return "–" if share is None else f"{share:+.3f}".replace("-", "−")
