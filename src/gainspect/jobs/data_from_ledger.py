"""The data of the next training, out of what people said of decisions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from gainspect.data.importers.conversion import MANIFEST
from gainspect.data.manifest import Manifest, checked, save_manifest
from gainspect.data.splits import with_validation
from gainspect.errors import GainspectError
from gainspect.files import new_folder, write_json, write_text
from gainspect.jobs.known_parts import known_parts, manifest_of
from gainspect.jobs.ledger_parts import Gathered, GroupBy, challenged_in, gather
from gainspect.jobs.loop_files import copied_parts, taken_parts, write_left_out
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.head import Head
from gainspect.ledger.loop_account import RECORD, LoopAccount
from gainspect.ledger.questions import Question, find
from gainspect.ledger.records.base import written_time
from gainspect.ledger.reviews import Review, find_reviews
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.loop_sentences import notes
from gainspect.types import Label

NOTES, LEFT = "README.md", "left_out.csv"
_VAL_FRACTION = 0.2
_Counts = Counter[tuple[str, Label]]


@dataclass(frozen=True)
class Asked:
    """Which decisions are asked for; empty or None: all."""

    begin: datetime | None = None
    end: datetime | None = None
    """They were made (`at`) from then on, and before."""
    stations: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    """SHA-256, or how it begins."""

    def questions(self, label: Label) -> Iterator[Question]:
        """To the ledger, for decisions with a label; a decision answers one of them at most."""
        for station, bundle in product(self.stations or (None,), self.bundles or (None,)):
            yield Question(
                kind="decision",
                label=str(label),
                station=station,
                bundle=bundle,
                begin=self.begin,
                end=self.end,
            )

    def to_json(self) -> dict[str, Any]:
        """JSON types."""
        times = {"from": self.begin, "to": self.end}
        written = {name: None if time is None else written_time(time) for name, time in times.items()}
        return {**written, "stations": list(self.stations), "bundles": list(self.bundles)}


@dataclass(frozen=True)
class Against:
    """What the decisions are held against."""

    not_in: tuple[Path, ...] = ()
    challenges: tuple[Path, ...] = ()
    """See `known_parts`."""
    base: Path | None = None
    """A run, or divided data, that the images are added to."""


@dataclass(frozen=True)
class Division:
    """How images are divided into training and validation."""

    by: GroupBy = "part"
    val_fraction: float = _VAL_FRACTION
    seed: int = 1


@dataclass
class _Rates:
    """Reviews, counted by the label that was decided."""

    reviewed: Counter[Label] = field(default_factory=Counter)
    overridden: Counter[Label] = field(default_factory=Counter)
    ng_more: int = 0
    """By how many more count as NG now than were decided so."""

    def counted(self, found: Iterator[Review]) -> Iterator[Review]:
        """The same reviews."""
        for review in found:
            self.reviewed[review.decision.label] += 1
            self.overridden[review.decision.label] += review.overridden
            self.ng_more += (review.label is Label.NG) - (review.decision.label is Label.NG)
            yield review


def data_from_ledger(
    url: str,
    out: Path,
    asked: Asked,
    against: Against,
    division: Division,
    *,
    pictures: str | None = None,
    console: Console | None = None,
) -> LoopAccount:
    """Make a data folder out of reviewed decisions; the same ledger and the same choices give the same bytes.

    Args:
        url: see `open_ledger`.
        out: the folder to make; it appears when it is complete.
        asked: which decisions.
        against: what is left out, and what data they are added to.
        division: into training and validation.
        pictures: see `open_ledger`.
        console: where progress is shown; None: nowhere.

    Raises:
        GainspectError: the ledger, a picture of it, or what it is held against cannot be read; there is
            something at `out`, or it cannot be written; nothing is left.
    """
    base = None if against.base is None else _divided(against.base)
    known = known_parts(against.not_in, against.challenges, base)
    with open_ledger(url, pictures=pictures, create=False) as ledger, new_folder(out) as folder:
        head, rates = ledger.head(), _Rates()
        decisions = _decisions(ledger, asked, head.size)
        keys, in_ledger = challenged_in(ledger, head.size)
        known = replace(known, challenged=known.challenged | in_ledger)
        found = find_reviews(ledger, set().union(*decisions.values()), head.size)
        images = folder / "images"
        images.mkdir()
        with image_bar("Copying pictures", len(found), console) as on_review:
            each = rates.counted(iter(found))
            gathered = gather(ledger, each, known, keys, images, by=division.by, on_review=on_review)
        new = taken_parts(gathered, folder)
        added = () if base is None else tuple(copied_parts(base, folder))
        if not new:
            raise _nothing_left(url)
        manifest = Manifest(folder, added + new)
        manifest = with_validation(manifest, fraction=division.val_fraction, seed=division.seed)
        manifest = checked(manifest, folder)
        account = _account(ledger, head, decisions, rates, gathered, manifest, len(added))
        save_manifest(manifest, folder / MANIFEST)
        write_left_out(gathered.left, folder / LEFT)
        write_text(folder / NOTES, "\n\n".join(["# Data from a ledger", *notes(account)]) + "\n")
        write_json(folder / RECORD, _record(account, asked, against, division))
    return account


def require_group_by(name: str) -> GroupBy:
    """A kind of groups by its name.

    Raises:
        GainspectError: there is none.
    """
    for by in get_args(GroupBy):
        if by == name:
            chosen: GroupBy = by
            return chosen
    raise GainspectError(f"there is no group by {name!r}", hint="Choose part or lot.")


def _divided(place: Path) -> Manifest:
    manifest = manifest_of(place)
    if all(part.split for part in manifest.parts):
        return manifest
    raise GainspectError(
        "the data do not say which parts are kept for the test",
        where=place,
        hint="Give the run that was trained on them, which divided them; or fill in their column `split`.",
    )


def _decisions(ledger: Ledger, asked: Asked, size: int) -> dict[Label, set[int]]:
    """The places of all decisions that are asked for, by label."""
    return {
        label: {
            place for question in asked.questions(label) for place in find(ledger, question) if place < size
        }
        for label in Label
    }


def _nothing_left(url: str) -> GainspectError:
    return GainspectError(
        "no decision is left to learn from",
        where=url,
        hint="Only what people confirmed, overrode or corrected counts, and no part of a test or a "
        "challenge. `gainspect ledger find --kind override` lists overrides.",
    )


def _account(
    ledger: Ledger,
    head: Head,
    decisions: dict[Label, set[int]],
    rates: _Rates,
    gathered: Gathered,
    manifest: Manifest,
    base: int,
) -> LoopAccount:
    new = manifest.parts[base:]
    decided = {label: len(places) for label, places in decisions.items()}
    return LoopAccount(
        origin=ledger.origin,
        size=head.size,
        root=head.root.hex(),
        decided=decided,
        reviewed=rates.reviewed,
        overridden=rates.overridden,
        ng_now=decided[Label.NG] + rates.ng_more,
        taken=_Counts((part.split or "", part.label) for part in new),
        drawn=sum(part.mask is not None for part in new),
        left=tuple(gathered.left),
        base=base,
    )


def _record(account: LoopAccount, asked: Asked, against: Against, division: Division) -> dict[str, Any]:
    """Where the data come from."""
    return {
        "version": 1,
        "ledger": {"origin": account.origin, "size": account.size, "root": account.root},
        "asked": asked.to_json(),
        "not_in": [str(place) for place in against.not_in],
        "challenges": [str(place) for place in against.challenges],
        "with": None if against.base is None else str(against.base),
        "group": division.by,
        "val_fraction": division.val_fraction,
        "seed": division.seed,
        "decided": {str(label): count for label, count in account.decided.items()},
        "reviewed": {str(label): account.reviewed.get(label, 0) for label in Label},
        "overridden": {str(label): account.overridden.get(label, 0) for label in Label},
        "images": {f"{split} {label}": count for (split, label), count in sorted(account.taken.items())},
        "masks": account.drawn,
        "left_out": dict(sorted(account.whys.items())),
    }
