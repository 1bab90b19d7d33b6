"""What data were made out of a ledger, in sentences: on a terminal, and in the notes beside the data."""

from collections.abc import Iterator

from gainspect.ledger.loop_account import LoopAccount
from gainspect.types import Label
from gainspect.wording import plural

_WHY = {
    "undecided": "nobody said whether the part is OK or NG",
    "contradicted": "the last confirmation is of another label than the one that counted",
    "drawn_on_ok": "OK counts, and a defect is drawn",
    "nowhere": "NG counts, and a person says that no defect is there",
    "which_view": "of an NG part of several images, and nobody drew on this one",
    "unread": "the picture cannot be read",
    "beside_picture": "what was drawn lies beside the picture",
    "not_kept": "the picture was never kept",
    "removed": "the picture was removed by rule",
    "challenge": "of a challenge, or of its group",
    "test": "in a test part, or of its group",
    "seen": "in the training or validation part already",
    "relabeled": "in the data already with the other label; mend it there",
    "repeated": "the same picture was decided again",
    "conflict": "the same picture was decided otherwise",
}
"""By `LeftOut.why`."""
_LABELS = (Label.NG, Label.REVIEW, Label.OK)


def notes(account: LoopAccount) -> Iterator[str]:
    """What is in the data and what is not, out of how many decisions, and what follows from that."""
    total, reviewed = sum(account.decided.values()), sum(account.reviewed.values())
    yield (
        f"Ledger {account.origin}, {plural(account.size, 'record')}, root {account.root}. "
        f"{plural(total, 'decision')} asked for, {reviewed} reviewed by a person."
    )
    yield from (_rate(account, label) for label in _LABELS if account.decided.get(label))
    yield (
        f"{plural(account.images, 'image')} taken: "
        + ", ".join(
            f"{split} {count} {label.upper()}" for (split, label), count in sorted(account.taken.items())
        )
        + f". {plural(account.drawn, 'mask')} drawn by people; an NG image without one trains the "
        "classifiers only. Regions that the network found are in no mask."
        + (f" Added to {plural(account.base, 'image')}, which are as they were." if account.base else "")
    )
    if account.left:
        yield f"{plural(len(account.left), 'image')} left out, each with its reason in left_out.csv:"
        yield from (f"- {count} {_WHY[why]}" for why, count in sorted(account.whys.items()))
    here, there = _share(account.ng_images, account.images), _share(account.ng_now, total)
    yield (
        "Only reviewed parts are in these data. REVIEW and overridden parts are in them more often than on "
        "the line, and what nobody looked at is not: a defect that passed as OK unseen is missing. The share "
        f"of NG is {here} of these images, and {there} of all decisions asked for, as they count now. "
        "Figures on these parts are not those of the line; a policy by costs needs the share on the line "
        "(`gainspect calibrate --prevalence`)."
    )
    if not account.base:
        yield (
            "No test part is named. A training draws one out of these images; a test on the parts of before "
            "needs them in the data (`--with RUN`)."
        )


def _rate(account: LoopAccount, label: Label) -> str:
    decided, reviewed = account.decided[label], account.reviewed.get(label, 0)
    return (
        f"- Decided {label.upper()}: {decided}, reviewed {reviewed} ({_share(reviewed, decided)}), "
        f"overridden {account.overridden.get(label, 0)}"
    )


def _share(count: int, of: int) -> str:
    """In percent.

    >>> _share(1, 3), _share(0, 0)
    ('33.3 %', 'none')
    """
    return f"{100 * count / of:.1f} %" if of else "none"
