"""A study of three appraisers, three trials each, on 50 parts, some of them hard, for tests of reports."""

from pathlib import Path

import numpy as np

APPRAISERS = ("김민수", "Lee & <b>Co</b>", "model")


def people(path: Path) -> Path:
    """Write the table; the same each time."""
    rng = np.random.default_rng(0)
    ng, hard = np.arange(50) % 5 < 2, rng.random(50) < 0.2
    lines = ["part,appraiser,trial,decision,reference"]
    for name in APPRAISERS:
        for trial in (1, 2, 3):
            said = ng ^ (rng.random(50) < np.where(hard, 0.35, 0.03))
            lines += [
                f"판-{part:03d},{name},{trial},{'불량' if called else '양품'},{'ng' if is_ng else 'ok'}"
                for part, (called, is_ng) in enumerate(zip(said, ng, strict=True))
            ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
