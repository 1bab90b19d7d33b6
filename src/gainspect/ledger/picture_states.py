"""What has become of the pictures that records name."""

import hashlib
from typing import Literal, NamedTuple

from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.columns import pictures_removed_by
from gainspect.ledger.records.decision import JudgedImage

PictureFate = Literal["unread", "hash_only", "kept", "removed", "missing", "changed"]


class PictureState(NamedTuple):
    """The picture of an image."""

    fate: PictureFate
    """The file could not be read then; only its hash was recorded; it is as it was; a rule has removed it; it
    is not there, and no rule has removed it; it is not the file that was recorded."""
    removed_by: int | None = None
    """The record that says so."""


def picture_state(ledger: Ledger, image: JudgedImage) -> PictureState:
    """What has become of the picture of an image; it is read and hashed for it.

    Raises:
        GainspectError: database or pictures cannot be read.
    """
    sha256 = image.sha256
    if sha256 is None:
        return PictureState("unread")
    if not image.stored or ledger.pictures is None:
        return PictureState("hash_only")
    content = ledger.pictures.read(sha256)
    if content is not None:
        same = hashlib.sha256(content).hexdigest() == sha256
        return PictureState("kept" if same else "changed")
    with ledger.database.reading() as rows:
        latest = rows.one("latest_of_picture", sha256=sha256)
    if latest is not None and latest[1] and sha256 in pictures_removed_by(ledger.record(latest[0]).record):
        return PictureState("removed", int(latest[0]))
    return PictureState("missing")
