"""The part of the split that the name of a file or folder says."""

import re
from typing import cast

from gainspect.data.manifest import Split
from gainspect.data.tables import SPLIT_WORDS
from gainspect.names import composed


def split_in(path: str) -> Split | None:
    """The split that a path names; None: none, or several.

    >>> split_in("valid/_annotations.coco.json"), split_in("annotations/instances_train2017.json")
    ('val', 'train')
    >>> split_in("annotations/instances_default.json"), split_in("training set/test.json") is None
    (None, True)
    """
    words = re.split(r"[\W_\d]+", composed(path).casefold())
    named = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    return cast(Split, named.pop()) if len(named) == 1 else None
