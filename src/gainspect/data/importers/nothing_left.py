"""What to say where labels give no image: the most common reason, an example, and how to mend it."""

from collections import Counter
from collections.abc import Sequence

from gainspect.data.importers.annotations import Left
from gainspect.data.importers.rendering import DAMAGED, OTHER_SIZE, UNKNOWN_TURN
from gainspect.data.importers.source import NOT_THERE, SEVERAL, Source
from gainspect.errors import GainspectError
from gainspect.wording import plural

_MEND = {
    NOT_THERE: "Labels find their images by name: put the images into this folder, called as in the labels.",
    SEVERAL: "Give the folder of one set, in which each name occurs once.",
    DAMAGED: "Mend or delete this shape in the label tool, and export again.",
    OTHER_SIZE: "Give the images that were labeled, at the size that they had.",
    UNKNOWN_TURN: "Store the images upright, without an EXIF orientation, and label those.",
}


def nothing_left(what: str, left: Sequence[Left], source: Source) -> GainspectError:
    """An error for labels that give no image.

    Args:
        what: what is wrong, a clause.
        left: what was not taken; it may be nothing.
        source: what was read.
    """
    if not left:
        return GainspectError(what, where=source.path, hint=f"They list none; {_there(source)}.")
    why, count = Counter(item.why for item in left).most_common(1)[0]
    first = next(item for item in left if item.why == why)
    told = f"{count} of {plural(len(left), 'entry')}: {why}, such as {first.name}"
    if why == NOT_THERE:
        told += (f", which names {first.detail!r}" if first.detail else "") + f"; {_there(source)}"
    elif first.detail:
        told += f" ({first.detail})"
    return GainspectError(what, where=source.path, hint=f"{told}. {_MEND.get(why, '')}".rstrip())


def _there(source: Source) -> str:
    """The images that there are."""
    if not source.images:
        return "the folder holds no images"
    verb = "is" if len(source.images) == 1 else "are"
    return f"there {verb} {plural(len(source.images), 'image')}, such as {source.named(source.images[0])}"
