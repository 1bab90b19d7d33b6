"""What judged, in words: no figure passes for that of another runtime."""

from collections.abc import Mapping

from gainspect.report.texts import Wording


def judged_by_words(judged_by: Mapping[str, str], wording: Wording) -> str:
    """The runtime that figures come from, and that it is not the deployed one where it is not.

    Args:
        judged_by: runtime, precision and network ("bundle" or "checkpoint"), as `metrics.json` has them.
        wording: the language.

    >>> judged_by_words({"runtime": "openvino", "precision": "bf16", "network": "bundle"}, Wording("en"))
    'Judged by openvino bf16.'
    >>> judged_by_words({"runtime": "torch", "precision": "f32", "network": "checkpoint"}, Wording("en"))
    'Judged by torch f32: the trained checkpoint, not the bundle that is deployed.'
    """
    kind = judged_by["network"]
    if kind == "bundle" and judged_by["runtime"] == "torch":
        kind = "torch"
    return wording(f"judged_by_{kind}", runtime=judged_by["runtime"], precision=judged_by["precision"])
