"""Agreement of appraisers as plain loops over decisions, straight from the definitions.

Written without looking at `gainspect.metrics`; slow on purpose. `decisions` is a list with a list of
decisions for each part.
"""

from itertools import combinations


def share(flags):
    flags = list(flags)
    return sum(flags) / len(flags) if flags else None


def effectiveness(decisions, reference):
    return share(all(d == truth for d in row) for row, truth in zip(decisions, reference, strict=True))


def rate(decisions, reference, truth, said):
    """Of the decisions on parts that are `truth`, the share that is `said`."""
    rows = zip(decisions, reference, strict=True)
    return share(d == said for row, is_ in rows if is_ == truth for d in row)


def same(decisions):
    return share(len(set(row)) == 1 for row in decisions)


def cohen(pairs):
    """Kappa from a list of (decision of the one, decision of the other)."""
    observed = share(a == b for a, b in pairs)
    words = {word for pair in pairs for word in pair}
    chance = sum(share(a == w for a, _ in pairs) * share(b == w for _, b in pairs) for w in words)
    return None if abs(chance - 1) < 1e-12 else (observed - chance) / (1 - chance)


def fleiss(decisions):
    """Kappa from the agreement of all pairs of decisions on a part."""
    if len(decisions[0]) < 2:
        return None
    observed = sum(share(a == b for a, b in combinations(row, 2)) for row in decisions) / len(decisions)
    said = [d for row in decisions for d in row]
    chance = sum(share(d == word for d in said) ** 2 for word in set(said))
    return None if abs(chance - 1) < 1e-12 else (observed - chance) / (1 - chance)
