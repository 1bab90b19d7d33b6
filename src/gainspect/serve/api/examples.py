"""Examples of answers, for the OpenAPI document."""

from typing import Any

from gainspect.ledger.records.decision import FailSafeReason
from gainspect.serve.problems import documented

_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_KEY = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
DECISION: dict[str, Any] = {
    "key": _KEY,
    "index": 4711,
    "part": "M-0815",
    "lot": "lot 7",
    "station": "line 3",
    "at": "2026-01-02T03:04:05.678901Z",
    "label": "ng",
    "fired": ["score_ng"],
    "score": 0.93,
    "threshold": 0.5,
    "images": [
        {
            "image": "M-0815_top.png",
            "sha256": _SHA256,
            "stored": True,
            "verdict": "ng",
            "score": 0.93,
            "error": None,
            "details": {
                "regions": [{"x": 40, "y": 52, "width": 18, "height": 9, "share": 0.87, "contribution": 3.1}]
            },
        }
    ],
    "made_with": {
        "bundle": _SHA256,
        "preprocessing": _SHA256,
        "policy_id": _SHA256,
        "runtime": "onnxruntime",
        "precision": "f32",
        "isa": "x86_64 avx2",
        "bits": None,
        "gainspect": "0.1.0",
    },
    "seconds": 0.12,
    "repeated": False,
}
"""Of a part that is NG."""


def _instead(told: str, status: int, why: FailSafeReason, detail: str, hint: str) -> dict[str, Any]:
    return documented(
        told, why, status=status, detail=detail, hint=hint, why=why, repeated=False, decision="review"
    )


_FULL = _instead(
    "Too many images are waiting; Retry-After says when to send it. The fail-safe counts, and is recorded.",
    429,
    "full",
    "too many images are waiting",
    "Send it again after the seconds that Retry-After says.",
)
_FULL["headers"] = {
    "Retry-After": {
        "description": "After so many seconds there is likely to be room.",
        "schema": {"type": "integer"},
    }
}
ERRORS: dict[int | str, dict[str, Any]] = {
    408: documented(
        "The request did not come in time.",
        "too_slow",
        status=408,
        detail="the request did not come within 30 seconds",
        hint="body_seconds of the settings says how many.",
        decision="review",
    ),
    409: _instead(
        "Nothing is active at the station. The fail-safe counts, and is recorded.",
        409,
        "no_bundle",
        "no bundle is active at this station",
        "An engineer activates one on the page of the station.",
    ),
    413: documented(
        "There are too many bytes or images.",
        "too_long",
        status=413,
        detail="the request is longer than 67108864 bytes",
        hint="max_bytes of the settings says how many.",
        decision="review",
    ),
    422: documented(
        "The request is not understood, or its key was used for another part.",
        "key_used",
        status=422,
        detail="this idempotency key was used for another part",
        hint="Give each part a key of its own, and repeat a request as it was.",
        decision="review",
    ),
    423: _instead(
        "The challenge of the station is due. The fail-safe counts, and is recorded.",
        423,
        "locked",
        "the station is locked until its challenge is passed",
        "Put the challenge parts in.",
    ),
    429: _FULL,
    500: _instead(
        "The model fails. The fail-safe counts, and is recorded.",
        500,
        "model_failed",
        "the model fails on this part",
        "",
    ),
    503: _instead(
        "The decision cannot be recorded, or the service ends. The fail-safe counts, and is recorded as soon "
        "as that is possible.",
        503,
        "ledger_gone",
        "the decision cannot be recorded now",
        "Send it again with the same idempotency key when the database is back.",
    ),
    504: _instead(
        "It was not decided by the deadline. The fail-safe counts, and is recorded.",
        504,
        "late",
        "the part was not decided by its deadline",
        "",
    ),
}
"""Of a request for a decision, by status."""
