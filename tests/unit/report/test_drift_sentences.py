"""What a drift alarm says, word by word, and that every figure can be told in both languages."""

from typing import Any

import pytest

from gainspect.evaluation.drift_watch import WATCHED
from gainspect.ledger.records.operation import DriftAlarm, NgCount
from gainspect.report.drift_sentences import drift_sentences
from gainspect.report.texts import LANGUAGES, Wording
from ledger_records import AT, STATION


def alarm(**changed: Any) -> DriftAlarm:
    told: dict[str, Any] = {
        "statistic": "brightness",
        "larger": False,
        "parts": 7,
        "before": 120.0,
        "after": 30.0,
        **changed,
    }
    return DriftAlarm(
        at=AT,
        station=STATION,
        watch="k0",
        since="k5200",
        since_part="A-17",
        since_at=AT,
        decision="k5206",
        ng_before=NgCount(ng=104, parts=5200),
        ng_since=NgCount(ng=0, parts=7),
        false_alarms=0.01,
        **told,
    )


def test_quarter_exposure_in_both_languages() -> None:
    assert drift_sentences(alarm(), Wording("en"), AT.tzinfo) == [
        "Darker by a factor of 4, since about part A-17 (2026-03-04 05:06): brightness 120 → 30.",
        "It was noticed with part number 7 from there on. Decided NG: 104 of 5,200 before, 0 of 7 since.",
        "Look at the lamp, the exposure time and the aperture, at light from outside, and at dirt on lens or "
        "glass.",
        "If nothing changes, at most 1 % of the watches ever give an alarm.",
    ]
    assert drift_sentences(alarm(), Wording("ko"), AT.tzinfo) == [
        "어두워짐(4배), 부품 A-17(2026-03-04 05:06) 무렵부터: 밝기 120 → 30.",
        "그때부터 7번째 부품에서 감지했습니다. 불량 판정: 이전 5,200개 중 104개, 이후 7개 중 0개.",
        "조명, 노출 시간, 조리개, 외부 빛, 렌즈나 유리의 오염을 확인하십시오.",
        "아무것도 변하지 않으면, 감시가 한 번이라도 경보를 낼 확률은 1 % 이하입니다.",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"after": 96.0}, "Darker by 20 %, since"),
        ({"larger": True, "after": 300.0}, "Brighter by a factor of 2.5, since"),
        ({"statistic": "red", "before": -4.0, "after": -9.5}, "Less red by 5.5, since"),
        ({"before": 0.0, "after": 6.0, "larger": True}, "Brighter by 6, since"),
        ({"statistic": "score", "before": 0.018, "after": 0.9, "larger": True}, "P(NG) 0.018 → 0.9"),
        ({"statistic": "width", "before": 1280.0, "after": 1282.0, "larger": True}, "1280 → 1282"),
    ],
)
def test_by_how_much(changed: dict[str, Any], said: str) -> None:
    assert said in drift_sentences(alarm(**changed), Wording("en"))[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("larger", [False, True])
def test_every_figure_has_its_words(language: str, larger: bool) -> None:
    told = [
        tuple(drift_sentences(alarm(statistic=name, larger=larger), Wording(language))) for name in WATCHED
    ]
    assert len({sentences[0] for sentences in told}) == len(WATCHED)
    assert all(all(sentences) for sentences in told)
