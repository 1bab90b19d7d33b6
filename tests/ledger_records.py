"""Records for tests of the ledger, and whoever changes its tables behind its back."""

import random
import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from gainspect.ledger.merkle import EMPTY_ROOT
from gainspect.ledger.records.decision import (
    Confirm,
    Decision,
    FailSafe,
    JudgedImage,
    MadeWith,
    Override,
    RegionCorrection,
)
from gainspect.ledger.records.operation import (
    BundleActivation,
    Bypass,
    ChallengedPart,
    ChallengeResult,
    ChallengeWaived,
    DriftAcknowledged,
    DriftAlarm,
    NgCount,
    PolicyChange,
    Role,
    RoleChange,
    ServiceState,
    SignIn,
    TokenChange,
)
from gainspect.ledger.records.sealed import Record
from gainspect.ledger.records.upkeep import (
    Anchored,
    ClockCorrected,
    NameErased,
    PicturesRemoved,
    RetentionRule,
)
from gainspect.types import Label

AT = datetime(2026, 3, 4, 5, 6, 7, 890123, UTC)
STATION = "line 3"
PERSON = "person-00112233445566aa"
A, B = "a" * 64, "b" * 64
MADE_WITH = MadeWith(
    bundle=A,
    preprocessing=B,
    policy_id=B,
    runtime="onnxruntime",
    precision="f32",
    isa="x86_64 avx2",
    gainspect="0.1.0",
)

BESIDE_THE_TREE = tuple(
    f"ledger_{name}"
    for name in ("accounts", "invitations", "sessions", "devices", "tokens", "attempts", "claims")
)
"""Tables that the fourth version of the tables has brought."""

PARTS = ("p1", "P1", "Gehäuse 7", "덮개_1", "a%b")
LOTS = ("lot 7", "lot 8", None)
STATIONS = ("line 3", "line 4")
HASHES = (A, B, "a" * 63 + "b", "0" * 64)
TIMES = tuple(AT + timedelta(minutes=minute) for minute in range(0, 60, 7))
NOTES = ("긁힘 on the EDGE", "edge", "100 %", "")


def decision(
    part: str = "part 1",
    *,
    label: Label = Label.OK,
    score: float = 0.125,
    pictures: Sequence[str] = (),
    key: str | None = None,
) -> Decision:
    """A decision on a part with these pictures in the store, or with one image that is not."""
    images = [
        JudgedImage(image=f"{part}_{index}.png", sha256=sha256, stored=True, verdict=label, score=score)
        for index, sha256 in enumerate(pictures)
    ]
    images = images or [JudgedImage(image=f"{part}.png", sha256=A, verdict=label, score=score)]
    return Decision(
        key=key or f"decision of {part}",
        at=AT,
        station=STATION,
        part=part,
        lot="lot 7",
        label=label,
        score=score,
        threshold=0.5,
        images=tuple(images),
        made_with=MADE_WITH,
    )


def one_of_each_kind() -> list[Record]:
    """A record of each kind."""
    about = {"at": AT, "station": STATION, "actor": PERSON, "decision": "decision of part 1"}
    station: dict[str, Any] = {"at": AT, "station": STATION}
    region = ((1, 2), (3, 4), (1, 4))
    rule = RetentionRule(name="OK after a month", older_than_days=30)
    return [
        decision(),
        Confirm(key="c", **about, label=Label.OK),
        Override(key="o", **about, old=Label.OK, new=Label.NG, reason="scratch", note="긁힘"),
        RegionCorrection(key="r", **about, image=A, old=(), new=(region,), reason="outline"),
        PolicyChange(
            key="p", **station, bundle=A, old=None, new=B, policy={"threshold": 0.5}, reason="costs"
        ),
        BundleActivation(key="b", **station, old=None, new=A, policy_id=B, reason="first"),
        ChallengeResult(
            key="ch",
            **station,
            challenge="master parts",
            bundle=A,
            policy_id=B,
            parts=(ChallengedPart(part="m1", expected=Label.NG, decided=Label.NG),),
            passed=True,
        ),
        SignIn(key="s", **station, actor=PERSON, method="badge", accepted=True),
        RoleChange(
            key="ro", **station, step="joined", person=PERSON, old=None, new=Role.OPERATOR, reason="new shift"
        ),
        TokenChange(key="t", **station, actor=PERSON, step="made", token="0011223344556677", name="camera 2"),
        Bypass(key="by", **station, actor=PERSON, until=AT + timedelta(hours=1), reason="camera cleaned"),
        DriftAlarm(
            key="da",
            **station,
            watch="decision of part 1",
            statistic="brightness",
            larger=False,
            since="decision of part 1",
            since_part="part 1",
            since_at=AT,
            decision="decision of part 1",
            parts=1,
            before=120.5,
            after=30.25,
            ng_before=NgCount(ng=1, parts=400),
            ng_since=NgCount(ng=0, parts=1),
            false_alarms=0.01,
        ),
        DriftAcknowledged(key="dk", **station, actor=PERSON, watch="decision of part 1", reason="lamp"),
        PicturesRemoved(key="pr", **station, rule=rule, before=AT, pictures=(B,)),
        Anchored(
            key="a", **station, size=0, root=EMPTY_ROOT.hex(), signed_by="plant7.example/line3+00000000+AAAA"
        ),
        NameErased(key="n", **station, person=PERSON, reason="has left"),
        ClockCorrected(key="cl", **station, actor=PERSON, reason="was in 2099"),
        FailSafe(key="f", **station, decision="late", part="p", label=Label.REVIEW, why="late", images=(A,)),
        ChallengeWaived(
            key="cw", **station, actor=PERSON, bundle=A, until=AT + timedelta(hours=1), reason="new camera"
        ),
        ServiceState(key="ss", **station, state="started", down_since=AT),
    ]


def mixed_records(count: int = 150) -> list[Record]:
    """One of each kind, and many of the kinds that questions tell apart, seeded."""
    choose = random.Random(7)
    records, keys = one_of_each_kind(), list[str]()
    for number in range(count):
        common: dict[str, Any] = {
            "key": f"k{number}",
            "at": choose.choice(TIMES),
            "station": choose.choice(STATIONS),
        }
        one, other = choose.sample(HASHES, 2)
        match choose.randrange(6 if keys else 1):
            case 0 | 1 | 2:
                base = decision(choose.choice(PARTS), label=choose.choice([*Label]))
                made = base.made_with.model_copy(update={"bundle": one, "policy_id": other})
                known = {"challenge": "masters"} if number % 7 == 0 else {}
                lot = choose.choice(LOTS)
                records.append(base.model_copy(update={**common, **known, "lot": lot, "made_with": made}))
                keys.append(common["key"])
            case 3:
                about = {"actor": PERSON, "decision": choose.choice(keys), "note": choose.choice(NOTES)}
                old, new = choose.sample([*Label], 2)
                records.append(
                    Override(**common, **about, old=old, new=new, reason="edge")
                    if number % 2
                    else Confirm(**common, **about, label=new)
                )
            case 4:
                part = ChallengedPart(part="master 덮개", expected=Label.NG, decided=Label.NG)
                judged = {"bundle": one, "policy_id": other, "passed": choose.random() < 0.5}
                records.append(ChallengeResult(**common, **judged, challenge="masters", parts=(part,)))
            case _:
                records.append(
                    PolicyChange(**common, bundle=one, old=None, new=other, policy={}, reason="Kosten: EDGE")
                    if number % 2
                    else Bypass(**common, actor=PERSON, until=TIMES[-1] + timedelta(hours=2), reason="edge")
                )
    return records


class Intruder:
    """Somebody who may do all with the tables of a ledger."""

    def __init__(self, url: str) -> None:
        self._url = url
        if url.startswith("postgresql://"):
            self.run("ALTER TABLE ledger_records DISABLE TRIGGER ALL")
            self.run("ALTER TABLE ledger_records DROP CONSTRAINT IF EXISTS ledger_records_never_negative")
        else:
            for guard in ("update", "delete", "negative"):
                self.run(f"DROP TRIGGER ledger_records_no_{guard}")

    def run(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run SQL with values written as :name; the rows that it gives."""
        if self._url.startswith("postgresql://"):
            with psycopg.connect(self._url) as connection:
                cursor = connection.execute(re.sub(r":(\w+)", r"%(\1)s", sql), values)
                return cursor.fetchall() if cursor.description else []
        file = sqlite3.connect(self._url)
        with file:
            rows = file.execute(sql, values).fetchall()
        file.close()
        return rows

    def content(self, index: int) -> bytes:
        """The bytes of a record."""
        return bytes(self.run("SELECT content FROM ledger_records WHERE idx = :idx", idx=index)[0][0])

    def rewrite(self, index: int, old: bytes, new: bytes) -> None:
        """Change the bytes of a record, and nothing else."""
        content = self.content(index)
        assert old in content
        self.run(
            "UPDATE ledger_records SET content = :content WHERE idx = :idx",
            content=content.replace(old, new),
            idx=index,
        )
