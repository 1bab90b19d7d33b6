"""Which rule for a threshold generalizes: families of synthetic scores, and real scores where they are given.

A family says how logits of P(NG) are distributed: a floor of OK parts with a tail, defects that stand out,
and a share of defects that show no evidence, whose scores are those of OK parts. A rule sees a sample with
few defective parts; what it costs is measured on parts that it has not seen.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from gainspect.evaluation.goals import MOST_ESCAPES, MOST_STOPPED
from gainspect.evaluation.saved_verdicts import read_verdicts
from gainspect.evaluation.validation_verdicts import read_validation_verdicts
from gainspect.metrics.classification import operating_threshold
from gainspect.metrics.decisions import Costs
from gainspect.metrics.thresholds import Thresholds, least_cost, noise_floor
from results_table import markdown, save

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
COSTS = Costs(miss=20.0, false_alarm=1.0, review=0.5)
LINE = 0.02
"""Share of NG parts on a line; costs are told for it, and for that of the sample."""
UNSEEN = 4000
"""Parts of each class that a chosen threshold is tried on."""
Rule = Callable[[Array, Flags, float], Thresholds]
"""(N,) logits, (N,) True for NG, share of NG parts → thresholds on the logit."""


class Family(NamedTuple):
    """How the scores of a kind of data are distributed."""

    name: str
    ng: int
    ok: int
    invisible: float
    """Share of the defects that show no evidence."""
    distance: float
    """How far the logits of visible defects lie above those of OK parts, in standard deviations of these."""
    shape: str = "tail"
    """Of the OK parts: normal, tail (a floor with an exponential tail), tied (most exactly at the floor)."""
    views: int = 1
    """Images of a part; its score is the largest, and a defect shows in a third of them, at least one."""

    def draw(self, rng: np.random.Generator, ng: int, ok: int) -> tuple[Array, Flags]:
        """Logits and labels of so many parts."""
        scores = self._sound(rng, (ng + ok, self.views))
        labels = np.arange(ng + ok) < ng
        seen = labels & (rng.random(ng + ok) >= self.invisible)
        shows = rng.random(scores.shape) < 1 / 3
        shows[:, 0] = True
        lifted = self.distance * (0.4 + 0.6 * rng.gamma(2.0, 0.5, scores.shape)) + 0.5 * scores
        scores = np.where(seen[:, None] & shows, np.maximum(scores, lifted), scores)
        return scores.max(axis=1) - 4.0, labels

    def _sound(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        if self.shape == "normal":
            return rng.normal(0, 1, shape)
        tail = rng.exponential(1.0, shape)
        return np.where(rng.random(shape) < 0.6, 0.0, tail) if self.shape == "tied" else tail


def families() -> list[Family]:
    """The families: sizes × invisible defects, then one property changed at a time."""
    found = [
        Family(f"{ng} NG, {invisible:.0%} invisible", ng, 5 * ng, invisible, 5)
        for ng in (8, 15, 30, 60)
        for invisible in (0.0, 0.1, 0.2, 0.3)
    ]
    for shape in ("normal", "tied"):
        found += [Family(f"{shape}, 20 NG, {i:.0%} invisible", 20, 100, i, 5, shape) for i in (0.0, 0.2)]
    found += [Family(f"6 views, 20 NG, {i:.0%} invisible", 20, 100, i, 6, views=6) for i in (0.0, 0.1, 0.3)]
    found += [
        Family(f"overlap, {ng} NG, {i:.0%} invisible", ng, 80, i, 2.5) for ng in (12, 40) for i in (0.0, 0.2)
    ]
    found += [
        Family("separate, 10 NG", 10, 60, 0.0, 12),
        Family("separate, 10 NG, 30% invisible", 10, 60, 0.3, 12),
        Family("few OK, 30 NG, 10% invisible", 30, 20, 0.1, 5),
        Family("many OK, 10 NG, 10% invisible", 10, 1000, 0.1, 5),
        Family("no skill, 20 NG", 20, 100, 1.0, 5),
    ]
    return found


# --- rules --------------------------------------------------------------------------------------------


def candidates(scores: Array) -> Array:
    """Thresholds between neighboring scores, and one below and above all."""
    levels = np.unique(scores)
    return np.concatenate([[levels[0] - 1], (levels[1:] + levels[:-1]) / 2, [levels[-1] + 1]])


def smallest(at: Array, cost: Array) -> float:
    """The highest threshold of the least cost."""
    return float(at[np.flatnonzero(cost <= cost.min() + 1e-12)[-1]])


def below(values: Array, at: Array) -> Array:
    """Share of the values below each threshold."""
    return np.searchsorted(np.sort(values), at) / len(values)


def one(threshold: float) -> Thresholds:
    """A single threshold."""
    return Thresholds(threshold, threshold)


def odds(prevalence: float) -> float:
    """The cost of missing all NG parts of a line / that of false alarms on all of its OK parts."""
    return prevalence * COSTS.miss / ((1 - prevalence) * COSTS.false_alarm)


def recall98(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """As before: the largest threshold with recall 0.98, whatever it costs."""
    return one(float(logit(np.clip(operating_threshold(expit(scores), labels, 0.98), 1e-9, 1 - 1e-9))))


def plain(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """The least cost on the sample itself."""
    at = candidates(scores)
    return one(smallest(at, odds(prevalence) * below(scores[labels], at) - below(scores[~labels], at)))


def parametric(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """The least cost of two normal distributions fitted to the classes."""
    at = candidates(scores)
    missed, passed = (
        ndtr((at - values.mean()) / max(values.std(), 1e-6)) for values in (scores[labels], scores[~labels])
    )
    return one(smallest(at, odds(prevalence) * missed - passed))


def bootstrap(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """The least upper bound (90 % of 200 resamples) of the cost."""
    at, rng, costs = candidates(scores), np.random.default_rng(0), np.zeros(1)
    for values, weight in ((scores[labels], odds(prevalence)), (scores[~labels], -1.0)):
        drawn = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=200)
        order = np.argsort(values)
        under = np.concatenate([np.zeros((200, 1)), np.cumsum(drawn[:, order], axis=1)], axis=1)
        costs = costs + weight * under[:, np.searchsorted(values[order], at)] / len(values)
    return one(smallest(at, np.percentile(costs, 90, axis=0)))


def kernel(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """The least cost, each score blurred by a normal kernel."""
    return _shipped(scores, labels, prevalence, floor=0.0, band=False)


def kernel_from_floor(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """The same, not below where a score speaks as much for OK as for NG."""
    return _shipped(scores, labels, prevalence, floor=noise_floor(expit(scores), labels), band=False)


def shipped(scores: Array, labels: Flags, prevalence: float) -> Thresholds:
    """The same with two thresholds: what gainspect does."""
    return _shipped(scores, labels, prevalence, floor=noise_floor(expit(scores), labels), band=True)


def _shipped(scores: Array, labels: Flags, prevalence: float, *, floor: float, band: bool) -> Thresholds:
    found = least_cost(expit(scores), labels, COSTS, prevalence, floor=floor, band=band)
    return Thresholds(*(float(logit(np.clip(at, 1e-9, 1 - 1e-9))) for at in found[:2]))


def from_floor(rule: Rule) -> Rule:
    """A rule that is never below where a score speaks as much for OK as for NG: odds of at most 1."""
    even = COSTS.false_alarm / (COSTS.false_alarm + COSTS.miss)
    return lambda scores, labels, prevalence: rule(scores, labels, min(prevalence, even))


RULES: Mapping[str, Rule] = {
    "recall 0.98, as before": recall98,
    "plain": plain,
    "parametric": parametric,
    "bootstrap": bootstrap,
    "kernel": kernel,
    "plain, from the floor": from_floor(plain),
    "parametric, from the floor": from_floor(parametric),
    "bootstrap, from the floor": from_floor(bootstrap),
    "kernel, from the floor": kernel_from_floor,
    "kernel, from the floor, two thresholds": shipped,
}


# --- what they give -----------------------------------------------------------------------------------


class Found(NamedTuple):
    """What thresholds give on parts that they were not chosen on."""

    cost: float
    """Per 1,000 parts."""
    caught: float
    missed: float
    """Shares of the NG parts; the rest is REVIEW."""
    false_alarms: float
    review_ok: float
    """Shares of the OK parts."""
    unmarked: float
    """1 if over half of the OK parts are false alarms and the sample did not show it; else 0."""


def tried(at: Thresholds, scores: Array, labels: Flags, prevalence: float, *, marked: bool) -> Found:
    """Apply thresholds to parts of both classes."""
    caught, alarms = ((scores[of] >= at.threshold).mean() for of in (labels, ~labels))
    missed, passed = ((scores[of] < at.review_from).mean() for of in (labels, ~labels))
    defective = COSTS.miss * missed + COSTS.review * (1 - caught - missed)
    good = COSTS.false_alarm * alarms + COSTS.review * (1 - alarms - passed)
    cost = 1000 * (prevalence * defective + (1 - prevalence) * good)
    stopped = max(1 - alarms - passed, 0.0)
    return Found(cost, caught, missed, alarms, stopped, float(alarms > 0.5 and not marked))


def is_marked(at: Thresholds, scores: Array, labels: Flags) -> bool:
    """Whether the sample itself shows that the thresholds are not usable."""
    stopped = (scores[~labels] >= at.review_from).mean() > MOST_STOPPED
    return bool(stopped or (scores[labels] < at.review_from).mean() > MOST_ESCAPES)


Split = tuple[Array, Flags, Array, Flags]
"""Scores and labels of a sample, and of parts that are not in it."""


def on_splits(splits: Iterator[Split], prevalence: float | None) -> dict[str, list[Found]]:
    """What each rule finds in each split, and the best single threshold of the unseen parts ("best")."""
    found: dict[str, list[Found]] = {}
    known, best = np.zeros(0), one(0.0)
    for scores, labels, unseen, unseen_labels in splits:
        share = float(labels.mean()) if prevalence is None else prevalence
        if unseen is not known:  # it is the same for all samples of a family
            known, best = unseen, plain(unseen, unseen_labels, share)
        found.setdefault("best", []).append(tried(best, unseen, unseen_labels, share, marked=True))
        for name, rule in RULES.items():
            at = rule(scores, labels, share)
            marked = is_marked(at, scores, labels)
            found.setdefault(name, []).append(tried(at, unseen, unseen_labels, share, marked=marked))
    return found


def of_family(family: Family, repeats: int, seed: int) -> Iterator[Split]:
    """Samples of a family, each tried on the same unseen parts."""
    rng = np.random.default_rng(seed)
    unseen = family.draw(rng, UNSEEN, UNSEEN)
    for _ in range(repeats):
        yield (*family.draw(rng, family.ng, family.ok), *unseen)


def of_file(path: Path, repeats: int) -> Iterator[Split]:
    """Halves of real scores (predictions.csv, or stored verdicts in JSON), drawn by group, class by class."""
    if path.suffix == ".json":
        stored = read_validation_verdicts(path)
        values, labels = stored.scores, stored.labels
        groups = np.array([image.group for image in stored.images])
    else:
        saved = read_verdicts(path)
        values, labels, groups = saved.scores, saved.labels, np.array(saved.groups)
    scores, rng = logit(values.clip(1e-7, 1 - 1e-7)), np.random.default_rng(0)
    defective = np.unique(groups[labels])
    for _ in range(repeats):
        chosen = np.zeros(len(labels), np.bool_)
        for names in (defective, np.setdiff1d(groups, defective)):
            chosen |= np.isin(groups, rng.permutation(names)[: (len(names) + 1) // 2])
        if all(0 < labels[half].sum() < half.sum() for half in (chosen, ~chosen)):
            yield scores[chosen], labels[chosen], scores[~chosen], labels[~chosen]


# --- tables -------------------------------------------------------------------------------------------


def by_rule(of_families: Sequence[dict[str, list[Found]]], *, real: bool = False) -> list[dict[str, Any]]:
    """A row for each rule, over all families, or over the halves of one set of real scores."""
    over_all = ("in the worst family", "false alarms, worst family")
    rows = []
    for name in RULES:
        means = np.array([np.mean(found[name], axis=0) for found in of_families])
        best = np.array([np.mean(found["best"], axis=0)[0] for found in of_families])
        rows.append(
            {
                "rule": name,
                "cost over the best": f"{np.mean(means[:, 0] - best):.0f}",
                "in the worst family": f"{np.max(means[:, 0] - best):.0f}",
                "caught": float(means[:, 1].mean()),
                "missed": float(means[:, 2].mean()),
                "false alarms": float(means[:, 3].mean()),
                "REVIEW of OK": float(means[:, 4].mean()),
                "false alarms, worst family": float(means[:, 3].max()),
                "over 50 %, not marked": f"{means[:, 5].mean():.1%}",
            }
        )
    return [{key: row[key] for key in row if not (real and key in over_all)} for row in rows]


def by_family(names: Sequence[str], of_families: Sequence[dict[str, list[Found]]]) -> list[dict[str, Any]]:
    """A row for each family: as before, and with what gainspect does."""
    before, *_, after = RULES
    rows = []
    for family, found in zip(names, of_families, strict=True):
        old, new = (np.mean(found[name], axis=0) for name in (before, after))
        rows.append(
            {
                "family": family,
                "missed before": float(old[2]),
                "false alarms before": float(old[3]),
                "caught": float(new[1]),
                "missed": float(new[2]),
                "false alarms": float(new[3]),
                "REVIEW of OK": float(new[4]),
            }
        )
    return rows


def main() -> None:
    """Compare the rules; print and save the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40, help="Samples of each family.")
    parser.add_argument(
        "--scores", action="append", default=[], metavar="NAME=FILE", help="Real scores, too: a CSV or JSON."
    )
    arguments = parser.parse_args()
    real = {name: Path(file) for name, _, file in (given.partition("=") for given in arguments.scores)}
    names = [*(family.name for family in families()), *real]
    text = [f"Costs: miss {COSTS.miss:g}, false alarm {COSTS.false_alarm:g}, review {COSTS.review:g}. "]
    text.append(f"{len(families())} synthetic families, {arguments.repeats} samples of each")
    text.append(f", and {len(real)} sets of real scores: halves of them, by group.\n")
    for prevalence, title in ((None, "as in the sample"), (LINE, f"{LINE:.0%}, as on a line")):
        found = [
            on_splits(of_family(family, arguments.repeats, seed), prevalence)
            for seed, family in enumerate(families())
        ]
        text.append(f"\n## NG parts {title}\n\n{markdown(by_rule(found))}")
        for name, path in real.items():
            found.append(on_splits(of_file(path, arguments.repeats), prevalence))
            text.append(f"\n### {name}\n\n{markdown(by_rule(found[-1:], real=True))}")
        if prevalence is None:
            each = markdown(by_family(names, found))
    text.append(f"\n## By family, NG parts as in the sample\n\n{each}")
    print("".join(text))
    print(f"Saved: {save('operating_point', 'Which rule for a threshold generalizes', ''.join(text))}")


if __name__ == "__main__":
    main()
