"""The record of every decision and human action, which shows any change, also one that nobody reads.

`open_ledger` gives a `Ledger`: `append` takes the records of `ledger.records`; `proofs`, `people` and
`pictures` are its other parts. `verification.verify` reads all and holds it against anchors (`checkpoint`).
"""

from gainspect.ledger.merkle_log import Ledger, open_ledger

__all__ = ["Ledger", "open_ledger"]
