"""Do thresholds that were chosen out of fold hold for a network that was trained on all parts?

(a) Synthetic networks, each with its own shift, scale and bend of the logit: thresholds are chosen on the
pooled scores of K of them and applied to the scores that yet another one gives to parts not used. (b) Real
runs with folds: thresholds are chosen on all folds but one, and applied to the scores of that fold's network
as they are; and where the last network has judged a test part, those of the run applied to it.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from gainspect.evaluation.goals import LeastCost
from gainspect.evaluation.operating_point import choose_policy, operating_point
from gainspect.evaluation.out_of_fold import by_fold, left_out, pooled
from gainspect.evaluation.saved_verdicts import read_verdicts
from gainspect.evaluation.validation_verdicts import ValidationVerdicts, read_validation_verdicts
from gainspect.metrics.calibration import METHODS, CarryMethod, Logits, carried, carry_losses, chosen_method
from gainspect.metrics.decisions import Costs, Outcome, expected_cost, outcome
from gainspect.metrics.intervals import upper_bound
from gainspect.metrics.thresholds import Thresholds, least_cost, noise_floor
from operating_point import COSTS, LINE, Array, Family, Flags
from results_table import markdown, save

FOLDS = 3
UNSEEN = 2000
"""Parts of each class that the last network judges."""
Scored = tuple[Array, Flags]
"""(N,) logits, and whether each part is NG."""


class Networks(NamedTuple):
    """How networks that were trained on other parts of the same data differ in their logits."""

    name: str
    shift: float = 0.0
    scale: float = 0.0
    bend: float = 0.0
    """Standard deviations between networks: of the offset, of the log of the slope, and of a further slope of
    logits above that of the middle of the visible defects."""
    last: float = 1.0
    """The slope of the last network, which has seen more parts, as a multiple."""

    def judge(self, rng: np.random.Generator, family: Family, ng: int, ok: int, *, last: bool) -> Scored:
        """What a new network says of new parts."""
        logits, labels = family.draw(rng, ng, ok)
        logits = logits + rng.normal(0, 0.3, len(logits))
        shift, scale, bend = rng.normal(0, 1, 3) * (self.shift, self.scale, self.bend)
        slope = np.exp(scale) * (self.last if last else 1)
        return shift + slope * (logits + np.expm1(bend) * np.maximum(logits, 0)), labels


NETWORKS = (
    Networks("alike"),
    Networks("shift 0.5", shift=0.5),
    Networks("shift 1", shift=1.0),
    Networks("slope 0.3", scale=0.3),
    Networks("shift 1, slope 0.3", shift=1.0, scale=0.3),
    Networks("shift 1, slope 0.3, bend 0.5", shift=1.0, scale=0.3, bend=0.5),
    Networks("shift 0.5, slope 0.2, last one steeper by 1.3", shift=0.5, scale=0.2, last=1.3),
)
FAMILIES = (
    Family("15 NG", 15, 75, 0.0, 5),
    Family("15 NG, 15% invisible", 15, 75, 0.15, 5),
    Family("46 NG, 10% invisible", 46, 230, 0.1, 5),
    Family("24 NG, 10% invisible, most OK at the floor", 24, 120, 0.1, 5, "tied"),
)


class Found(NamedTuple):
    """What thresholds give; costs are per 1,000 parts."""

    cost: float
    """On the parts not used, by the last network."""
    pooled: float
    """On the pooled scores that they were chosen on."""
    left_out: float
    """On each fold, with thresholds of the others."""
    caught: float
    missed: float
    false_alarms: float
    bound_holds: float
    """Whether the escape rate of the last network is below the bound (95 %) of the folds left out; 0 or 1."""


RULES = (*(f"always {method}" for method in METHODS), "the least loss", "as gainspect")
"""How a method is chosen."""


def methods(logits: Sequence[Logits], labels: Sequence[Flags]) -> dict[str, CarryMethod]:
    """The method that each rule chooses."""
    losses = carry_losses(logits, labels)
    least = min(losses, key=lambda name: losses[name].mean())
    return dict(zip(RULES, (*METHODS, least, chosen_method(losses)), strict=True))


def choose(
    logits: Sequence[Logits], labels: Sequence[Flags], method: CarryMethod, share: float
) -> Thresholds:
    """Thresholds of the least cost on pooled scores, as `choose_policy` takes them."""
    try:
        moved, _ = carried(logits, labels, method)
    except ValueError:  # no increasing map fits
        moved = list(logits)
    scores, known = expit(np.concatenate(moved)), np.concatenate(labels)
    return least_cost(scores, known, COSTS, share, floor=noise_floor(scores, known))


def counted(at: Thresholds, logits: Array, labels: Flags) -> Outcome:
    """Decisions by the score."""
    scores = expit(logits)
    called = scores >= at.threshold
    return outcome(called, (scores >= at.review_from) & ~called, labels)


def tried(folds: Sequence[Scored], last: Scored, method: CarryMethod, share: float | None) -> Found:
    """Choose on the folds, and apply to the last network and to each fold left out."""
    logits, labels = [x for x, _ in folds], [y for _, y in folds]
    share = float(np.concatenate(labels).mean()) if share is None else share
    at = choose(logits, labels, method, share)
    try:
        moved = np.concatenate(carried(logits, labels, method)[0])
    except ValueError:
        moved = np.concatenate(logits)
    each = []
    for out, (x, y) in enumerate(folds):
        rest = [index for index in range(len(folds)) if index != out]
        others = choose([logits[i] for i in rest], [labels[i] for i in rest], method, share)
        each.append(counted(others, x, y))
    every = Outcome(*map(sum, zip(*each, strict=True)))
    real = counted(at, *last)
    bound = upper_bound(every.escapes, every.ng)
    return Found(
        _cost(real, share),
        _cost(counted(at, moved, np.concatenate(labels)), share),
        _cost(every, share),
        real.caught / real.ng,
        real.escapes / real.ng,
        real.false_alarms / real.ok,
        float(real.escapes / real.ng <= bound),
    )


def _cost(found: Outcome, share: float, costs: Costs = COSTS) -> float:
    cost = expected_cost(found, costs, share)
    assert cost is not None
    return cost


def simulated(networks: Networks, folds: int, repeats: int, share: float | None) -> dict[str, list[Found]]:
    """What each rule finds, in each sample of each family."""
    found: dict[str, list[Found]] = {name: [] for name in RULES}
    for seed, family in enumerate(FAMILIES):
        for repeat in range(repeats):
            rng = np.random.default_rng((seed, repeat, folds))
            parts = [
                networks.judge(rng, family, family.ng // folds, family.ok // folds, last=False)
                for _ in range(folds)
            ]
            last = networks.judge(rng, family, UNSEEN, UNSEEN, last=True)
            by_method: dict[CarryMethod, Found] = {}
            for name, method in methods([x for x, _ in parts], [y for _, y in parts]).items():
                if method not in by_method:
                    by_method[method] = tried(parts, last, method, share)
                found[name].append(by_method[method])
    return found


def rows_of(title: str, by_rule: Mapping[str, Sequence[Found]]) -> list[dict[str, Any]]:
    """A row for each rule."""
    rows = []
    for name, each in by_rule.items():
        mean = Found(*np.mean(each, axis=0).tolist())
        rows.append(
            {
                "networks": title,
                "carried over": name,
                "cost": f"{mean.cost:.0f}",
                "told by the pool": f"{mean.pooled:.0f}",
                "told by folds left out": f"{mean.left_out:.0f}",
                "caught": mean.caught,
                "missed": mean.missed,
                "false alarms": mean.false_alarms,
                "bound holds": f"{mean.bound_holds:.0%}",
            }
        )
    return rows


def synthetic(repeats: int) -> str:
    """The tables of the synthetic networks."""
    text = []
    for share, title in ((None, "as in the sample"), (LINE, f"{LINE:.0%}, as on a line")):
        found = [(kind.name, simulated(kind, FOLDS, repeats, share)) for kind in NETWORKS]
        every = {rule: [one for _, by in found for one in by[rule]] for rule in RULES}
        rows = [row for name, by in [("all", every), *found] for row in rows_of(name, by)]
        text.append(f"\n## {FOLDS} folds, NG parts {title}\n\n{markdown(rows)}")
    return "".join(text)


# --- real runs ----------------------------------------------------------------------------------------


def stored(run: Path) -> list[ValidationVerdicts]:
    """The verdicts of each fold with its network's own scores.

    Of a run whose folds have not been judged together: those that each fold stored at its own end, with its
    own thresholds on maps; reasons are then not checked.
    """
    whole = run / "validation.json"
    if whole.is_file():
        return list(by_fold(read_validation_verdicts(whole)).values())
    found = [
        read_validation_verdicts(path)
        for path in sorted(run.glob("folds/*/validation.json"), key=lambda path: int(path.parent.name))
    ]
    alike = {"map_thresholds": {}, "region_threshold": 0.0}
    return [one.model_copy(update=alike) for one in found]


def real(run: Path) -> str:
    """The tables of a run."""
    folds, rows = stored(run), []
    check = (run / "validation.json").is_file()
    losses = carry_losses([_logits(fold) for fold in folds], [fold.labels for fold in folds])
    goal = LeastCost()
    for method in losses:
        verdicts = pooled(folds, method)
        policy = choose_policy(verdicts, goal, check=check)
        told = operating_point(verdicts, policy, goal)
        each = [(fold, choose_policy(others, goal, check=check)) for others, fold in left_out(verdicts)]
        points = [operating_point(fold, chosen, goal) for fold, chosen in each]
        rows.append(_told(method, losses[method], "pooled", [told.counted], told.prevalence))
        out = [point.counted for point in points]
        rows.append(_told(method, losses[method], "folds left out", out, told.prevalence))
        rows += [
            _told(method, losses[method], f"fold {number} left out", [found], told.prevalence)
            for number, found in enumerate(out, start=1)
        ]
        saved = run / "evaluation" / "test" / "predictions.csv"
        if saved.is_file():
            test = read_verdicts(saved)
            logits = np.asarray(np.log(test.scores) - np.log1p(-test.scores), np.float64)
            at = Thresholds(policy.least_stopped, policy.threshold)
            found = counted(at, logits, test.labels)
            rows.append(_told(method, losses[method], "test, by the score", [found], told.prevalence))
    note = "" if check else "The folds' own verdicts at their end, without the check of reasons.\n\n"
    return f"\n## {run.name}\n\n{note}{markdown(rows)}"


def _logits(fold: ValidationVerdicts) -> Logits:
    clipped = fold.scores.clip(1e-7, 1 - 1e-7)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), np.float64)


def _told(method: str, losses: Logits, where: str, each: Sequence[Outcome], share: float) -> dict[str, Any]:
    found = Outcome(*map(sum, zip(*each, strict=True)))
    return {
        "carried over": method,
        "log loss": float(losses.mean()),
        "on": where,
        "NG": found.ng,
        "caught": found.caught,
        "missed": found.escapes,
        "REVIEW of NG": found.review_ng,
        "OK": found.ok,
        "false alarms": found.false_alarms,
        "REVIEW of OK": found.review_ok,
        "cost": f"{_cost(found, share):.0f}",
        "at 2 %": f"{_cost(found, LINE):.0f}",
    }


def _introduction(repeats: int) -> str:
    return (
        f"Costs: miss {COSTS.miss:g}, false alarm {COSTS.false_alarm:g}, review {COSTS.review:g}; "
        f"{len(FAMILIES)} families of scores, {repeats} samples of each. cost: per 1,000 parts, of the last "
        "network on parts not used. Told: what was known of it before, by the pool of all folds, and by "
        "folds left out, each with thresholds of the others. Bound holds: how often its escape rate is below "
        "the bound (95 %) by folds left out.\n"
    )


def main() -> None:
    """Print and save the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40, help="Samples of each family; 0: none.")
    parser.add_argument("--run", type=Path, action="append", default=[], help="Runs with folds, too.")
    arguments = parser.parse_args()
    text = _introduction(arguments.repeats)
    text += synthetic(arguments.repeats) if arguments.repeats else ""
    text += "".join(map(real, arguments.run))
    print(text)
    print(f"Saved: {save('carry_over', 'Do thresholds chosen out of fold hold?', text)}")


if __name__ == "__main__":
    main()
