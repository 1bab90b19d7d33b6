"""The auditor's report of a period: what a ledger says of it, and whether the ledger was changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from gainspect.jobs.verify_ledger import checkpoints_in
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.databases import file_of, is_server
from gainspect.ledger.faults import Verification
from gainspect.ledger.listed_records import AboutDecisionRow
from gainspect.ledger.period import Period
from gainspect.ledger.period_account import PeriodAccount
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.verification import Shown, verify
from gainspect.report.texts import Wording


def report_ledger(
    url: str,
    period: Period,
    out: Path,
    anchors: Sequence[Path] = (),
    *,
    public_key: Path | None = None,
    pictures: str | None = None,
    language: str = "en",
    today: datetime | None = None,
    shown: Shown = lambda rows, count: rows,
) -> Verification:
    """Verify a ledger, count what it says of a period, both in one pass, and write the report.

    Args:
        url: see `open_ledger`.
        period: which.
        out: HTML file to write. It is written also if something is wrong, and says so.
        anchors: files of signed checkpoints.
        public_key: file of the key that signed them; None: that of the usual key of this user.
        pictures: see `open_ledger`.
        language: of the report, "en" or "ko".
        today: see `PeriodAccount`.
        shown: wraps the iterator over the records to show progress.

    Returns:
        What the audit found.

    Raises:
        GainspectError: the ledger, its pictures or an anchor cannot be read, the key has not signed it, or
            the report cannot be written.
    """
    from gainspect.report.html.ledger_report import write_ledger_report

    wording = Wording(language)
    account = PeriodAccount(period, today)
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        checkpoints = checkpoints_in(ledger, anchors, public_key)
        found = verify(ledger, checkpoints, shown=shown, taken=account.add)
        listed: list[AboutDecisionRow] = [
            *account.overrides.rows,
            *account.confirmations.rows,
            *account.corrections.rows,
        ]
        parts = _parts_of(ledger, {row.decision for row in listed})
        write_ledger_report(out, account, found, wording, place=ledger.database.place, parts=parts)
    return found


def usual_report(url: str, period: Period) -> Path:
    """Where the report of a ledger is written if no file is named: beside the file of the ledger.

    That of a ledger on a server is written where the command runs.

    >>> usual_report("x/line3.ledger", Period.parse("2026-03-01", "2026-03-31")).as_posix()
    'x/line3-2026-03-01-2026-03-31.html'
    """
    days = f"{period.first}-{period.last}.html"
    if is_server(url):
        return Path(f"ledger-{days}")
    file = Path(file_of(url))
    return file.with_name(f"{file.stem}-{days}")


def _parts_of(ledger: Ledger, keys: Iterable[str]) -> dict[str, str]:
    """The parts of decisions, by the keys of these, as far as the ledger has them."""
    entries = {key: ledger.record_of(key) for key in sorted(keys)}
    return {
        key: entry.record.part
        for key, entry in entries.items()
        if entry is not None and isinstance(entry.record, Decision)
    }
