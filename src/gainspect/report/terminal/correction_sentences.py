"""What corrections changed in a data set, in sentences."""

from collections.abc import Iterator

from gainspect.data.corrections import Corrected
from gainspect.report.terminal.sentences import listed
from gainspect.wording import plural


def correction_sentences(done: Corrected) -> Iterator[str]:
    """What changed, image by image; what did not, in numbers; and what is to be done now."""
    changed = False
    for images, now in (
        (done.to_ok, "now OK, without mask and type of defect"),
        (done.to_ng, "now NG"),
        (done.without_mask, "now without the wrong mask"),
    ):
        if images:
            changed = True
            yield f"{plural(len(images), 'image')} {now}: {listed(images)}."
    if not changed:
        yield "Nothing changed."
    yield f"As it was: {plural(done.kept, 'image')} confirmed, {len(done.unsure)} unsure."
    marked = {done.manifest.key(part) for part in done.manifest.parts if part.mask is not None}
    unmarked = [image for image in (*done.to_ng, *done.without_mask) if image not in marked]
    if unmarked:
        yield f"To mark: {listed(unmarked)}. Without a mask an NG image trains only the classifiers."
    if done.in_test:
        yield f"In the test part: {listed(done.in_test)}. Figures before and after do not compare."
