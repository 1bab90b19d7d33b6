"""The auditor's report of a period of a ledger: one page."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gainspect.ledger.faults import Verification
from gainspect.ledger.period_account import DayCount, PeriodAccount
from gainspect.report.drift_sentences import drift_change
from gainspect.report.html.day_plot import columns_of, decisions_by_day, is_by_month
from gainspect.report.html.page import write_page
from gainspect.report.texts import Wording
from gainspect.types import Label

_MOST_FAULTS = 20
"""Faults that are told in words."""
Counts = Mapping[Label, int]


def write_ledger_report(
    out: Path,
    account: PeriodAccount,
    found: Verification,
    wording: Wording,
    *,
    place: str,
    parts: Mapping[str, str],
) -> None:
    """Write what a ledger says of a period as one HTML file.

    Args:
        out: the file to write.
        account: of the period.
        found: by the audit of the whole ledger, in the same pass.
        wording: the texts in the language of the report.
        place: where the ledger is, without a password.
        parts: parts by the keys of their decisions, for the records that are listed.

    Raises:
        GainspectError: the file cannot be written.
    """
    period = account.period
    by_day, by_station, totals = _sums(account.decisions)

    def local(moment: datetime) -> str:
        """A moment in the zone of the period, to the second."""
        return f"{moment.astimezone(period.zone):%Y-%m-%d %H:%M:%S}"

    plot_title = wording("lr_by_month" if is_by_month(period.first, period.last) else "lr_by_day")
    columns = columns_of(by_day, period.first, period.last)
    write_page(
        "ledger.html.j2",
        out,
        wording,
        account=account,
        period=period,
        found=found,
        faults=found.faults[:_MOST_FAULTS],
        fixed=max((anchor.checkpoint.size for anchor in found.anchors if anchor.holds), default=0),
        place=place,
        parts=parts,
        labels=tuple(Label),
        totals=totals,
        by_station=by_station,
        by_day_and_station=_days_and_stations(account.decisions),
        plot=decisions_by_day(columns, plot_title),
        plot_title=plot_title,
        zones=_zones(period.begin, period.end),
        local=local,
        short=short,
        drift=lambda alarm: drift_change(alarm, wording, period.zone),
    )


def short(sha256: str | None) -> str:
    """The beginning of a hash, by which people tell it from others.

    >>> short("0123456789abcdef"), short(None)
    ('0123456789ab', '–')
    """
    return "–" if sha256 is None else sha256[:12]


def _sums(decisions: Mapping[DayCount, int]) -> tuple[dict[date, Counts], dict[str, Counts], Counts]:
    """Counts by label: of each day, of each station, of all."""
    by_day, by_station = defaultdict[date, Counter[Label]](Counter), defaultdict[str, Counter[Label]](Counter)
    totals = Counter[Label]()
    for key, count in decisions.items():
        for counts in (by_day[key.day], by_station[key.station], totals):
            counts[key.label] += count
    return _sorted(by_day), _sorted(by_station), totals


def _days_and_stations(decisions: Mapping[DayCount, int]) -> dict[tuple[date, str], Counts]:
    """Counts by label of each station on each day."""
    found = defaultdict[tuple[date, str], Counter[Label]](Counter)
    for key, count in decisions.items():
        found[key.day, key.station][key.label] += count
    return _sorted(found)


def _sorted(counts: Mapping[Any, Counts]) -> dict[Any, Counts]:
    return dict(sorted(counts.items()))


def _zones(*moments: datetime) -> str:
    """The time zone of moments as UTC±HH:MM; two, if summer time begins or ends between them.

    >>> from datetime import UTC
    >>> _zones(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    'UTC+00:00'
    """
    offsets = (f"{moment:%z}" for moment in moments)
    return ", ".join(dict.fromkeys(f"UTC{offset[:3]}:{offset[3:5]}" for offset in offsets))
