"""What is to be said of an imported set as a whole."""

from collections.abc import Iterator, Sequence

from gainspect.data.importers.choices import Choices
from gainspect.data.importers.groups import ROBOFLOW, proposed
from gainspect.data.importers.leaks import ANEW, leaks
from gainspect.data.importers.resplit import keeps_ng_for_the_test
from gainspect.data.manifest import Part
from gainspect.data.splits import PUBLISHED

ONE_CLASS = (
    "All NG images are kept for the test, as in sets for anomaly detection: a supervised training needs "
    f"some, and {ANEW} divides the set anew."
)
RESPLIT = (
    "The split was made anew (--resplit), by group and defect type: figures on it do not compare with "
    f"published ones. The column {PUBLISHED} keeps the split that the set came with."
)
NO_TEST = (
    "No image is named test: `gainspect train` draws a test part out of the training part, by group and "
    f"defect type; {ANEW} divides all images anew."
)
NO_TRAIN = f"No image is named train, so that there is nothing to train on: {ANEW} divides the images anew."


def remarks_on(parts: Sequence[Part], names: Sequence[str], choices: Choices) -> Iterator[str]:
    """Sentences on splits, leaks between them, and groups that the names may tell.

    Args:
        parts: rows of the manifest.
        names: of their images below images/.
        choices: what was said.
    """
    splits = {part.split for part in parts}
    if choices.resplit and any(PUBLISHED in part.extra for part in parts):
        yield RESPLIT
    elif keeps_ng_for_the_test(parts):
        yield ONE_CLASS
    elif not splits & {None, "train"}:
        yield NO_TRAIN
    elif not splits & {None, "test"}:
        yield NO_TEST
    yield from leaks(parts, names)
    if choices.group is None and not any(part.group or part.part for part in parts):
        proposal = proposed(names)
        if proposal is not None and proposal.pattern != ROBOFLOW:  # `leaks` tells of its copies
            yield str(proposal)
