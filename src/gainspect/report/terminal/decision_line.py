"""One decision as a line."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from gainspect.names import printable
from gainspect.report.terminal.verdict_table import LABEL_STYLES
from gainspect.wording import plural

_WIDTH = len("REVIEW")


def decision_line(record: Mapping[str, Any]) -> Text:
    """Decision, P(NG), part, the number of its images if it has several, and the rules that fired.

    Args:
        record: of the part (`inspection.stream.part_record`).
    """
    score = "    –" if record["score"] is None else f"{record['score']:.3f}"
    images = len(record["images"])
    said = f"  {score}  {printable(record['part'])}"
    if images > 1:
        said += f"  {plural(images, 'image')}"
    if record["fired"]:
        said += f"  ({printable(', '.join(record['fired']))})"
    label = record["decision"]
    return Text.assemble((label.upper().ljust(_WIDTH), LABEL_STYLES[label]), said)
