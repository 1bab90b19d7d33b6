"""Both languages say the same things, with the same placeholders, about everything that can be asked for."""

from string import Formatter
from typing import get_args

import pytest

from gainspect.errors import GainspectError
from gainspect.evaluation.failures import Cause
from gainspect.evaluation.reliance import CELLS
from gainspect.ledger.faults import FaultKind
from gainspect.ledger.records.sealed import KINDS
from gainspect.report.texts import TEXTS, Wording
from gainspect.types import CHECK_REASONS, MAP_NAMES, CheckGap, Label, ReviewReason, StatisticName


def placeholders(text):
    return {(name, spec) for _, name, spec, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_placeholders():
    assert TEXTS["en"].keys() == TEXTS["ko"].keys()
    for key, text in TEXTS["en"].items():
        assert placeholders(text) == placeholders(TEXTS["ko"][key]), key


def test_nothing_stays_untranslated():
    terms = {"f1", "auroc", "cam_iou", "pointing_game", "energy_inside", "map_cam", "score", "sort_score"}
    same = {key for key, text in TEXTS["en"].items() if text == TEXTS["ko"][key]}
    assert same <= terms | {"origin_sha"}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_rule_cause_gap_map_and_cell_has_its_text(language):
    texts = TEXTS[language]
    keys = {f"cause_{cause}" for cause in Cause} | {f"gap_{gap}" for gap in CheckGap}
    keys |= {f"reason_{reason}" for reason in ReviewReason} | {f"limit_{reason}" for reason in CHECK_REASONS}
    keys |= {f"statistic_{name}" for name in get_args(StatisticName)}
    keys |= {f"map_{name}" for name in MAP_NAMES} | {f"cell_{a}_{b}" for a, b in CELLS}
    keys |= {f"lr_fault_{kind}" for kind in FaultKind} | {f"lr_kind_{kind}" for kind in KINDS}
    keys |= {str(label) for label in Label} | {f"explain_{label}" for label in Label}
    assert keys <= texts.keys()


def test_an_unknown_language_is_a_sentence():
    with pytest.raises(GainspectError, match="Choose from en, ko"):
        Wording("fr")
