"""What an inspection came to: counts and sentences, whatever the number of its images."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gainspect.data.taken import NotTaken, reasons
from gainspect.evaluation.accepted import AcceptedCount
from gainspect.report.terminal.verdict_table import MOST_ROWS, SeenDecisions, SeenVerdicts
from gainspect.wording import plural

OVERLAY_ERROR = "overlay_error"
"""In a record: why the overlay of the image could not be drawn or written; only there if it could not."""


@dataclass
class Inspection:
    """The result of inspecting image files; the records themselves are in the folder, or were called with."""

    sources: list[str]
    """All files to be judged, in order, each once."""
    verdicts: SeenVerdicts = field(default_factory=SeenVerdicts)
    """The images that were judged, now or before, or have an error."""
    decisions: SeenDecisions = field(default_factory=SeenDecisions)
    """Their parts of which every image was judged; empty without parts."""
    accepted: AcceptedCount = field(default_factory=AcceptedCount)
    """What rules on regions accepted."""
    unread: int = 0
    """Images that have an error in the place of a verdict."""
    unread_first: list[dict[str, Any]] = field(default_factory=list)
    """Records of the first of them, at most `MOST_ROWS`."""
    not_drawn: Counter[str] = field(default_factory=Counter)
    """Overlays that could not be drawn or written, by what is wrong."""
    others: int = 0
    """Images that have a verdict in the folder and are not among the sources."""
    verdicts_name: str = ""
    """What the file or folder of verdicts is called."""
    lost: int = 0
    """Worker processes that died and were replaced."""
    saved: list[str] = field(default_factory=list)
    """Where the verdicts, and the decisions on parts, are."""
    seconds: float = 0.0
    """Time that reading and judging took."""
    stopped: bool = False
    """Whether Ctrl-C ended the inspection before the last image."""
    not_taken: list[NotTaken] = field(default_factory=list)
    """What lies in the named folders and is not judged, with its reason."""
    unlettered: str | None = None
    """Which letters of names the overlays lack, and how to mend it, in a sentence; None: none."""
    input_gap: str | None = None
    """What of the inputs the bundle does not check, in a sentence; None: nothing."""

    @property
    def left_sentence(self) -> str | None:
        """How many were judged, and how many not taken for which reason; None if all was taken."""
        if not self.not_taken:
            return None
        judged = self.verdicts.count - self.unread
        return f"{judged} judged, {len(self.not_taken)} not taken: {reasons(self.not_taken)}"

    @property
    def lost_sentence(self) -> str | None:
        """How many worker processes died; None if none did."""
        if not self.lost:
            return None
        held = "it was judging" if self.lost == 1 else "they were judging"
        return f"{plural(self.lost, 'worker')} died and had to be replaced; what {held} was tried again."

    @property
    def kept_sentence(self) -> str | None:
        """How many of these images, and how many others, were judged before; None if there are none."""
        said = []
        if before := self.verdicts.before:
            said.append(f"{before} of {plural(len(self.sources), 'image')} had been judged before.")
        if self.others:
            said.append(
                f"{self.verdicts_name} also keeps what was said before of "
                f"{plural(self.others, 'other image')}."
            )
        return " ".join(said) or None

    def add(self, record: dict[str, Any], *, before: bool) -> None:
        """Count an image; `before`: it was judged by an earlier inspection."""
        self.verdicts.add(record, before=before)
        self.accepted.add_record(record)
        if record["verdict"] is None:
            self.unread += 1
            if len(self.unread_first) < MOST_ROWS:
                self.unread_first.append(record)
        if not before and OVERLAY_ERROR in record:
            self.not_drawn[record[OVERLAY_ERROR]] += 1
