"""What each class of a set of labels means: a defect, a good part, something to ignore, or background."""

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gainspect.data.importers.annotations import AnnotatedImage
from gainspect.data.tables import LABEL_WORDS
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped
from gainspect.types import Label
from gainspect.wording import plural

ROLE = "gainspect_role"
"""The key of a category of COCO that holds its role, where gainspect has written it."""


class Role(StrEnum):
    """What a class means; each is an option of `gainspect data import`."""

    DEFECT = "defect"
    """An image that shows one is NG, and its shape is the mask."""
    OK = "ok"
    """A good part, or a feature that it may have."""
    IGNORE = "ignore"
    """Its shape is counted in no loss and no figure."""
    BACKGROUND = "background"
    """As if it were not drawn."""


_OK_WORDS = frozenset(word for word, label in LABEL_WORDS.items() if label is Label.OK) | {
    *("no defect", "defect free", "without defect", "pass", "passed", "non defective", "결함없음"),
}
_BACKGROUND_WORDS = frozenset({"background", "b ground", "back ground", "bg", "배경"})
_IGNORE_WORDS = frozenset({"ignore", "ignored", "dont care", "don t care", "unsure", "무시"})
_DEFECT_WORDS = frozenset(
    {
        *("ng", "bad", "defect", "defects", "defective", "fault", "anomaly", "damage", "damaged", "broken"),
        *("crack", "cracks", "cracked", "scratch", "scratches", "dent", "dents", "chipped", "chipping"),
        *("stain", "stains", "burr", "burrs", "pore", "pores", "porosity", "rust", "corrosion"),
        *("inclusion", "inclusions", "blister", "blowhole", "contamination"),
        *("불량", "결함", "크랙", "균열", "스크래치", "긁힘", "찍힘", "이물", "얼룩", "기포", "파손", "오염"),
    }
)
"""Only words that name no feature of a good part anywhere: not hole, chip or void."""
_NEGATIONS = frozenset({"no", "non", "not", "without", "free", "un"})
_EXAMPLES = 3


@dataclass
class ClassUse:
    """How a class is used."""

    name: str
    shapes: int = 0
    tags: int = 0
    images: int = 0
    examples: list[str] = field(default_factory=list)
    """Names of images, three at most."""

    def __str__(self) -> str:
        used = [plural(self.shapes, "shape")] if self.shapes else []
        used += [f"{plural(self.tags, 'image')} tagged"] if self.tags else []
        shown = f", such as {self.examples[0]}" if self.examples else ""
        return f"{self.name!r} ({' and '.join(used) or 'not used'}{shown})"


@dataclass
class Survey:
    """What a set of labels holds, before anything is drawn."""

    images: int = 0
    bare: int = 0
    """Images that the labels list as looked at, without any shape, tag, mask or label."""
    unseen: int = 0
    """Images that the labels list, but not as looked at."""
    unseen_example: str = ""
    classes: dict[str, ClassUse] = field(default_factory=dict)
    files: dict[Path, str] = field(default_factory=dict)
    """Where the labels of each image stand."""
    masks: set[Path] = field(default_factory=set)
    """Ready-made ones."""


def survey(images: Iterable[AnnotatedImage], named: Sequence[str] = ()) -> Survey:
    """Count the classes of some images; `named` are further ones that the labels list.

    Raises:
        GainspectError: an image has labels in two places.
    """
    found = Survey()
    uses: dict[str, ClassUse] = defaultdict(lambda: ClassUse(""))
    for image in images:
        found.images += 1
        shown = escaped(image.file.name) if image.file is not None else image.name
        if image.file is not None and found.files.setdefault(image.file, image.place) != image.place:
            raise GainspectError(
                f"the image has labels in two places: {found.files[image.file]} and {image.place}",
                where=image.file,
                hint="Give one file of labels as SOURCE, or take one of the two away.",
            )
        found.masks |= {mask for mask in (image.mask, image.ignore) if mask is not None}
        for shape in image.shapes:
            uses[shape.name].shapes += 1
        for tag in image.tags:
            uses[tag].tags += 1
        for name in {shape.name for shape in image.shapes} | set(image.tags):
            uses[name].images += 1
            if len(uses[name].examples) < _EXAMPLES:
                uses[name].examples.append(shown)
        if not (image.shapes or image.tags or image.mask or image.label or image.not_taken):
            found.bare += image.annotated
            found.unseen += not image.annotated
            found.unseen_example = found.unseen_example or ("" if image.annotated else shown)
    for name in named:
        uses[name].name = name
    for name, use in uses.items():
        use.name = name
    found.classes = dict(sorted(uses.items(), key=lambda item: (-item[1].shapes - item[1].tags, item[0])))
    return found


@dataclass(frozen=True)
class Roles:
    """The role of each class."""

    of: Mapping[str, Role]
    guessed: tuple[str, ...] = ()
    """Those that nobody said: their names do."""
    stated: tuple[str, ...] = ()
    """Those that nobody said: the labels do."""
    rest: tuple[str, ...] = ()
    """Those that nobody said, and that are defects as all that are not named are."""

    def __str__(self) -> str:
        by_role = {role: [n for n, of in self.of.items() if of is role] for role in Role}
        return "; ".join(f"{role}: {', '.join(names)}" for role, names in by_role.items() if names)


def settle_roles(
    found: Survey, said: Mapping[Role, Sequence[str]], stated: Mapping[str, str] | None = None
) -> Roles:
    """The role of each class: as it is said, else as the labels say, else by its name where that is safe.

    Args:
        found: the classes.
        said: names of classes by role, in any case, one or several with commas between them. If only
            good, ignored or background classes are said, all others are defects.
        stated: what the labels themselves say, by class.

    Raises:
        GainspectError: a class is said twice or not there, or nothing tells the role of one that is used.
    """
    folded = {_folded(name): name for name in found.classes}
    said = {role: _apart(names, folded) for role, names in said.items()}
    roles: dict[str, Role] = {}
    for role, names in said.items():
        for name in names:
            known = folded.get(_folded(name))
            if known is None:
                raise GainspectError(f"there is no class {name!r}", hint=_did_you_mean(name, found))
            if roles.setdefault(known, role) is not role:
                raise GainspectError(f"the class {known!r} is both {roles[known]} and {role}")
    rest_is_defect = any(said.values()) and not said.get(Role.DEFECT)
    guessed: list[str] = []
    rest: list[str] = []
    by_labels = {name: Role(role) for name, role in (stated or {}).items() if name not in roles}
    roles |= by_labels
    open_: list[ClassUse] = []
    for name, use in found.classes.items():
        if name in roles:
            continue
        guess = _guess(name)
        if guess is not None:
            roles[name] = guess
            guessed.append(name)
        elif rest_is_defect:
            roles[name] = Role.DEFECT
            rest.append(name)
        elif use.images:
            open_.append(use)
    if open_:
        raise GainspectError(_question(found, open_))
    return Roles(roles, tuple(guessed), tuple(by_labels), tuple(rest))


_HOW = (
    "Say it with --defect NAME, --ok NAME (a good part), --ignore NAME or --background NAME, as often as "
    "needed.\nIf one of them is given but --defect, every class that is not named is a defect"
)


def _question(found: Survey, unknown: Sequence[ClassUse]) -> str:
    """What is asked: the classes that nothing tells the role of, and those that it is told of."""
    one = len(unknown) == 1
    lines = [f"nothing says what {'this class means' if one else 'these classes mean'}:"]
    lines += [f"  {use}" for use in unknown]
    told = [use for use in found.classes.values() if use.images and _guess(use.name) is not None]
    if told:
        lines += ["known by its name:" if len(told) == 1 else "known by their names:"]
        lines += [f"  {use}: {_guess(use.name)}" for use in told]
    return "\n".join([*lines, _HOW])


def _guess(name: str) -> Role | None:
    """The role that a name says; None: it says none.

    >>> _guess("B-ground"), _guess("minor crack"), _guess("10_ruble"), _guess("no_crack")
    (<Role.BACKGROUND: 'background'>, <Role.DEFECT: 'defect'>, None, None)
    """
    words = [word for word in re.split(r"[\W_]+", composed(name).casefold()) if word]
    whole = " ".join(words)
    for role, known in (
        (Role.OK, _OK_WORDS),
        (Role.BACKGROUND, _BACKGROUND_WORDS),
        (Role.IGNORE, _IGNORE_WORDS),
    ):
        if whole in known:
            return role
    if any(word in _DEFECT_WORDS for word in words) and not any(word in _NEGATIONS for word in words):
        return Role.DEFECT
    return None


def _did_you_mean(name: str, found: Survey) -> str:
    names = list(found.classes)
    close = difflib.get_close_matches(name, names, 1, 0.6)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"{meant}There are: {', '.join(names) or 'none'}."


def _apart(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Names of classes; those with commas between them are taken apart, unless a class is called so.

    Args:
        names: as written.
        known: names of classes, folded.
    """
    return [
        piece.strip()
        for name in names
        for piece in ([name] if _folded(name) in known else name.split(","))
        if piece.strip()
    ]


def _folded(name: str) -> str:
    return composed(name).strip().casefold()
