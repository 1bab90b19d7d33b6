"""The plan of an import: labels are read once, and what they do not say is settled or asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet
from gainspect.data.importers.choices import Choices, compiled
from gainspect.data.importers.classes import Roles, Survey, settle_roles, survey
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.nothing_left import nothing_left
from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import label_in, split_in
from gainspect.errors import GainspectError
from gainspect.wording import plural


@dataclass(frozen=True)
class Plan:
    """An import that is ready to be carried out: all questions are answered."""

    source: Source
    importer: Importer
    labels: AnnotatedSet
    found: Survey
    roles: Roles
    choices: Choices
    unlabeled: tuple[Path, ...] = ()
    """Images that no labels name."""

    @property
    def count(self) -> int:
        """How many images are looked at."""
        return self.found.images + len(self.unlabeled)

    def images(self) -> Iterator[AnnotatedImage]:
        """All images, those that no labels name last."""
        yield from self.labels.images
        for file in self.unlabeled:
            folder = _folder_of(file, self.source)
            yield AnnotatedImage(
                file=file,
                place=self.source.named(file),
                label=label_in(folder),
                annotated=False,
                split=split_in(folder),
                not_taken=self.source.unclear.get(file, ""),
            )


def plan(source: Source, importer: Importer, choices: Choices) -> Plan:
    """Read a set of labels once, and settle what it does not say.

    Raises:
        GainspectError: the labels are damaged or name no image; or something is open, which the message asks:
            what a class means, or what images are that no labels name.
    """
    compiled(choices.group, "--group"), compiled(choices.part, "--part")
    source.used.clear()
    source.unclear.clear()
    labels = importer.read(source)
    found = survey(labels.images, labels.named)
    if not found.images:
        raise nothing_left("its labels name no image that is there", labels.left, source)
    roles = settle_roles(found, choices.classes, labels.stated)
    known = found.files.keys() | found.masks | source.used
    others = tuple(image for image in source.images if image not in known)
    unsaid = [i for i in others if label_in(_folder_of(i, source)) is None and i not in source.unclear]
    count = len(unsaid) + found.unseen
    if count and choices.unlabeled is None:
        example = source.named(unsaid[0]) if unsaid else found.unseen_example
        raise GainspectError(
            f"{plural(count, 'image')} {'has' if count == 1 else 'have'} no labels, such as {example}",
            where=source.path,
            hint="Are they good parts (--unlabeled ok), or not labelled (--unlabeled skip)?",
        )
    return Plan(source, importer, labels, found, roles, choices, others)


def _folder_of(image: Path, source: Source) -> str:
    return PurePosixPath(source.named(image)).parent.as_posix()
