"""How a station does over time: rates with their intervals, latency, fail-safe answers, drift."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger
from gainspect.ledger.accounts import Role
from gainspect.ledger.buckets import By
from gainspect.ledger.dashboard_figures import DashboardFigures, Rate, StationFigures, dashboard_figures
from gainspect.ledger.period import Period
from gainspect.ledger.questions import Question, entries, find, newest
from gainspect.ledger.records.decision import FailSafe
from gainspect.ledger.records.operation import DriftAcknowledged, DriftAlarm
from gainspect.ledger.review_queue import stations
from gainspect.report.drift_sentences import drift_sentences
from gainspect.report.html.bucket_plots import Mark, marks_over_time
from gainspect.report.texts import Wording
from gainspect.serve.api.pictures import service_of
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.pages.texts import Words
from gainspect.serve.pages.views import names_of_people
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute, max_body_size=2**16)
_DAYS = 7
_ALARMS = 20
_FAIL_SAFES = 5000
"""So many fail-safe answers of a period are read to tell their reasons."""
RATES = ("ng", "review", "overridden", "disagreement")

Reader = Annotated[Visitor, Depends(allow(Role.ENGINEER, Role.AUDITOR))]


class Plot(NamedTuple):
    """A plot and its heading."""

    name: str
    """Of its texts."""
    svg: Markup


@router.get("/dashboards")
def dashboards(
    request: Request,
    visitor: Reader,
    station: Annotated[str, Query(max_length=300)] = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
    by: Annotated[By, Query()] = "day",
) -> HTMLResponse:
    """A station in a period; without one, the last days until today."""
    service, words = service_of(request), words_of(request)
    known = stations(service.ledger)
    station = station or next(iter(known), "")
    today = date.today()
    first, last = first or str(today - timedelta(days=_DAYS - 1)), last or str(today)
    try:
        period = Period.parse(first, last)
        figures = dashboard_figures(service.ledger, station, period, by, shifts=service.settings.shifts)
    except GainspectError as error:
        raise Problem(422, "question_unclear", error.what, error.hint) from error
    reasons, counted = _fail_safes(service.ledger, station, period)
    ended = next(iter(newest(service.ledger, station, "drift_acknowledged", 1)), None)
    return page(
        request,
        "dashboards.html",
        visitor,
        station=station,
        stations=known,
        first=first,
        last=last,
        by=by,
        figures=figures,
        whole=figures.whole,
        rates=RATES,
        plots=_plots(figures, words),
        bucket_name=_names(by),
        percent=percent,
        seconds=seconds,
        fail_safes=reasons.most_common(),
        fail_safes_of=counted,
        alarms=_alarms(service.ledger, station, Wording(words.language)),
        acknowledged=None if ended is None else ended,
        watch=service.drift.status(station),
        reasons=service.settings.drift_reasons,
        names=names_of_people(service.ledger, words),
        engineer=visitor.role is Role.ENGINEER,
    )


def percent(value: float) -> str:
    r"""A share, with two digits where it is small; no line breaks within it.

    >>> percent(0.0), percent(0.0042), percent(0.123), percent(1.0)
    ('0\xa0%', '0.42\xa0%', '12\xa0%', '100\xa0%')
    """
    share = 100 * value
    return f"{share:.0f}\xa0%" if share >= 10 else f"{share:.2g}\xa0%"


def seconds(value: float) -> str:
    """A time in milliseconds, or in seconds from one on.

    >>> seconds(0.0123), seconds(2.5)
    ('12 ms', '2.5 s')
    """
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"


def _plots(figures: DashboardFigures, words: Words) -> list[Plot]:
    name_of = _names(figures.by)

    def drawn(
        name: str, mark: Callable[[StationFigures], Mark], shown: Callable[[float], str], most: float | None
    ) -> Plot:
        marks = [mark(each)._replace(name=name_of(each.begin)) for each in figures.buckets]
        return Plot(name, Markup(marks_over_time(marks, words(f"plot_{name}"), shown, most)))

    rates = [
        drawn(name, lambda each, name=name: _rate(getattr(each, name)), percent, 1.0)  # type: ignore[misc]
        for name in RATES
    ]
    return [*rates, drawn("latency", _latency, seconds, None), drawn("score", _score, "{:g}".format, 1.0)]


def _rate(rate: Rate) -> Mark:
    return Mark("", rate.value, rate.low, rate.high)


def _latency(each: StationFigures) -> Mark:
    found = each.latency
    return Mark("", None) if found is None else Mark("", found.p50, found.p50, found.p95)


def _score(each: StationFigures) -> Mark:
    found = each.spread.get("score")
    return Mark("", None) if found is None else Mark("", found.median, found.low, found.high)


def _names(by: By) -> Callable[[datetime], str]:
    form = {"hour": "%m-%d %H:%M", "shift": "%m-%d %H:%M", "day": "%m-%d"}[by]
    return lambda begin: begin.strftime(form)


def _fail_safes(ledger: Ledger, station: str, period: Period) -> tuple[Counter[str], int]:
    """Fail-safe answers of a period by their reason, of the newest ones; and how many there are in all."""
    asked = Question(kind="fail_safe", station=station, begin=period.begin, end=period.end)
    places = find(ledger, asked)
    records = (entry.record for entry in entries(ledger, places[:_FAIL_SAFES]))
    return Counter(record.why for record in records if isinstance(record, FailSafe)), len(places)


def _alarms(
    ledger: Ledger, station: str, wording: Wording
) -> list[tuple[int, DriftAlarm, Sequence[str], bool]]:
    """The last alarms, newest first: place, record, sentences, whether nobody has acknowledged it since."""
    ended = newest(ledger, station, "drift_acknowledged", 1)
    since = ended[0].index if ended and isinstance(ended[0].record, DriftAcknowledged) else -1
    return [
        (entry.index, entry.record, drift_sentences(entry.record, wording), entry.index > since)
        for entry in newest(ledger, station, "drift_alarm", _ALARMS)
        if isinstance(entry.record, DriftAlarm)
    ]
