"""Images of a ledger that may be trained on: taught by people, and held against what is known already."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gainspect.data.containers import kind_of
from gainspect.data.drawn_regions import filled
from gainspect.data.held_out import HeldOut, stem_of
from gainspect.data.manifest import Split
from gainspect.data.seen import picture_sha256, pixel_sha256, pixels_of
from gainspect.errors import GainspectError
from gainspect.jobs.known_parts import KnownParts
from gainspect.ledger import Ledger
from gainspect.ledger.loop_account import LeftOut
from gainspect.ledger.questions import Question, entries, find
from gainspect.ledger.records.decision import Decision, JudgedImage
from gainspect.ledger.records.operation import ChallengeResult
from gainspect.ledger.replays import PictureRemovedError, picture_of
from gainspect.ledger.reviews import Review
from gainspect.ledger.taught import Taught, taught
from gainspect.names import composed, unescaped

GroupBy = Literal["part", "lot"]
"""What must not cross splits: a part, by its name in its lot; or a whole lot."""
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "WebP": ".webp", "TIFF": ".tif", "GIF": ".gif"}
_OTHER_SUFFIX = ".pnm"


@dataclass(frozen=True)
class Candidate:
    """An image that people taught, whose picture lies in the new folder."""

    review: Review
    taught: Taught
    number: int
    """Of the image in its decision, from 1 on."""
    file: Path
    pixels: str
    """SHA-256 of its decoded pixels."""
    group: str
    known_group: bool
    """Whether the data that it is added to have this group, and so say where it goes."""
    split: Split | None
    """Where an earlier network has seen it; None: nowhere."""


@dataclass
class Gathered:
    """What was found in the ledger so far."""

    candidates: list[Candidate] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    splits: dict[str, Split] = field(default_factory=dict)
    """Where groups have to go, as an earlier network has seen some of their images there."""

    def leave(self, candidate: Candidate, why: str, detail: str = "") -> None:
        """Take an image out again."""
        self.left.append(_left(candidate.review, candidate.taught.image, why, detail))


def challenged_in(ledger: Ledger, size: int) -> tuple[frozenset[str], HeldOut]:
    """The keys of decisions on parts of challenges, and these parts: their names, and their pictures.

    Args:
        ledger: all of its stations count.
        size: what was appended later does not count.
    """
    keys, names, files, pixels = set[str](), set[str](), set[str](), set[str]()
    places = [place for place in find(ledger, Question(kind="challenge_result")) if place < size]
    for entry in entries(ledger, places):
        assert isinstance(entry.record, ChallengeResult)
        for part in entry.record.parts:
            names.add(composed(part.part))
            keys |= set() if part.decision is None else {part.decision}
    for key in sorted(keys):
        found = ledger.record_of(key)
        if found is None or not isinstance(found.record, Decision):
            continue
        names.add(composed(found.record.part))
        for image in found.record.images:
            if image.sha256 is None or image.sha256 in files:
                continue
            files.add(image.sha256)
            content = None if ledger.pictures is None else ledger.pictures.read(image.sha256)
            if content is not None and (hashed := _hashed(content, image)) is not None:
                pixels.add(hashed)
    return frozenset(keys), HeldOut(frozenset(files), frozenset(pixels), frozenset(names))


def _hashed(content: bytes, image: JudgedImage) -> str | None:
    try:
        return picture_sha256(content, image.image)
    except GainspectError:
        return None


def gather(
    ledger: Ledger,
    reviews: Iterable[Review],
    known: KnownParts,
    challenged: frozenset[str],
    folder: Path,
    *,
    by: GroupBy = "part",
    on_review: Callable[[], None] = lambda: None,
) -> Gathered:
    """Copy the pictures that people taught out of the ledger, each verified by its hash.

    Left out are those of parts that are kept for tests or challenges, with all of their group, those that
    were trained on already, repeated ones, and pictures that were decided otherwise elsewhere.

    Args:
        ledger: that has the pictures.
        reviews: in order.
        known: what they are held against.
        challenged: keys of decisions on parts of challenges.
        folder: where the pictures are put, by record and number in it; it is there.
        by: what a group is.
        on_review: called after each review.

    Raises:
        GainspectError: a picture is not where it should be, or was changed.
        OSError: the folder cannot be written.
    """
    gathered, held = Gathered(), dict[str, str]()
    for review in reviews:
        group, names = group_of(review.decision, by), _names(review.decision)
        group = next((composed(name) for name in (group, *names) if composed(name) in known.groups), group)
        put_in = review.decision.challenge is not None or review.decision.key in challenged
        if put_in or known.challenged.has_group((group, *names)):
            held[group] = "challenge"
        elif known.tested.has_group((group, *names)):
            held[group] = "test"
        for number, (image, told) in enumerate(
            zip(review.decision.images, taught(review), strict=True), start=1
        ):
            found = (
                _candidate(ledger, review, told, group, known, folder, number)
                if isinstance(told, Taught)
                else _left(review, image, str(told))
            )
            pixels = found.pixels if isinstance(found, Candidate) else ""
            for name, parts in (("challenge", known.challenged), ("test", known.tested)):
                if parts.has_image(image.sha256 or "", pixels):
                    held[group] = name
            if isinstance(found, LeftOut):
                gathered.left.append(found)
                continue
            if found.split is not None and gathered.splits.get(group) != "train":
                gathered.splits[group] = found.split
            gathered.candidates.append(found)
        on_review()
    kept = [*_new(_once(_not_held(gathered, held), gathered), known, gathered)]
    for dropped in {one.file for one in gathered.candidates} - {one.file for one in kept}:
        dropped.unlink()
    gathered.candidates = kept
    gathered.left.sort(key=lambda one: one.index)
    return gathered


def group_of(decision: Decision, by: GroupBy) -> str:
    """The group of a decision's images."""
    if by == "lot" and decision.lot is not None:
        return decision.lot
    return decision.part if decision.lot is None else f"{decision.lot}: {decision.part}"


def _names(decision: Decision) -> tuple[str, ...]:
    """What a manifest may call the group of a decision's images."""
    files = (decision.part, *(image.image for image in decision.images))
    return (decision.part, *dict.fromkeys(stem_of(name) for name in files))


def _candidate(
    ledger: Ledger, review: Review, told: Taught, group: str, known: KnownParts, folder: Path, number: int
) -> Candidate | LeftOut:
    image = told.image
    assert image.sha256 is not None
    if not image.stored:
        return _left(review, image, "not_kept")
    try:
        content = picture_of(ledger, review.index, image.sha256)
    except PictureRemovedError as error:
        return _left(review, image, "removed", error.what)
    try:
        picture = pixels_of(content, unescaped(image.image))
    except GainspectError as error:
        return _left(review, image, "unread", error.what)
    if told.outlines and not filled(told.outlines, *picture.shape[:2]).any():
        return _left(review, image, "beside_picture")
    pixels = pixel_sha256(picture)
    suffix = _SUFFIXES.get(kind_of(content) or "", _OTHER_SUFFIX)
    file = folder / f"record-{review.index}-{number}{suffix}"
    file.write_bytes(content)
    split = known.seen.files.get(image.sha256) or known.seen.pixels.get(pixels)
    return Candidate(review, told, number, file, pixels, group, group in known.groups, split)


def _not_held(gathered: Gathered, held: dict[str, str]) -> Iterator[Candidate]:
    """Those whose group is not held out."""
    for one in gathered.candidates:
        if one.group in held:
            gathered.leave(one, held[one.group], one.group)
        else:
            yield one


def _once(candidates: Iterable[Candidate], gathered: Gathered) -> Iterator[Candidate]:
    """Of equal pictures the last that shows its defects, or else the last; none, if labels differ."""
    equal = dict[str, list[Candidate]]()
    for one in candidates:
        equal.setdefault(one.pixels, []).append(one)
    for same in equal.values():
        if len({one.taught.label for one in same}) > 1:
            for one in same:
                others = (str(other.review.index) for other in same if other is not one)
                gathered.leave(one, "conflict", f"{one.taught.label} here; records {' '.join(others)}")
            continue
        kept = next((one for one in reversed(same) if one.taught.outlines), same[-1])
        for one in same:
            if one is not kept:
                gathered.leave(one, "repeated", f"record {kept.review.index}")
        yield kept


def _new(candidates: Iterable[Candidate], known: KnownParts, gathered: Gathered) -> Iterator[Candidate]:
    """Those that were not seen in training or validation."""
    for one in candidates:
        if one.split is None:
            yield one
        elif known.labels.get(one.pixels, one.taught.label) is not one.taught.label:
            gathered.leave(
                one, "relabeled", f"{known.labels[one.pixels]} in the data, {one.taught.label} here"
            )
        else:
            gathered.leave(one, "seen", one.split)


def _left(review: Review, image: JudgedImage, why: str, detail: str = "") -> LeftOut:
    return LeftOut(review.index, review.decision.part, image.image, why, detail)
