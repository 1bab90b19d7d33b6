"""How well labels agree with the probabilities of a model that was not trained on them (confident learning).

Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, Journal of
Artificial Intelligence Research 70 (2021): a class's mean self-confidence is the threshold above which a
probability speaks for it. Kuan and Mueller, Model-agnostic label quality scoring to detect real-world label
errors, ICML DataPerf workshop 2022: probabilities less these thresholds rank labels of all classes on one
scale.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class LabelQuality(NamedTuple):
    """How each label agrees with its probability, and what was held against it."""

    ok_confidence: float
    """Mean of 1 − P(NG) over the images labeled OK; 1 without any."""
    ng_confidence: float
    """Mean of P(NG) over the images labeled NG; 1 without any."""
    quality: NDArray[np.float64]
    """(N,) 0 (the label is most likely wrong) … 1."""
    contradicted: NDArray[np.bool_]
    """(N,) Whether the image counts for the other class: off the diagonal of the confident joint."""


def label_quality(p_ng: ArrayLike, ng: ArrayLike) -> LabelQuality:
    """Hold each label against the probability of an image, by what is usual for its class.

    With t_OK and t_NG for the mean confidence in the labels of each class, t = max(t_OK, t_NG), and p for the
    probability of the given label y, its quality is (p − t_y + t) / (1 + |t_OK − t_NG|): the adjusted
    self-confidence. A label is contradicted if the probability of the other class reaches that class's mean
    confidence, and that of its own either does not reach its own or is smaller.

    Args:
        p_ng: (N,) P(NG) of images that the model was not trained on.
        ng: (N,) True for those labeled NG.
    """
    p, labels = np.asarray(p_ng, np.float64), np.asarray(ng, np.bool_)
    t_ng = float(p[labels].mean()) if labels.any() else 1.0
    t_ok = float(1 - p[~labels].mean()) if not labels.all() else 1.0
    own = np.where(labels, p, 1 - p)
    own_mean, other_mean = np.where(labels, t_ng, t_ok), np.where(labels, t_ok, t_ng)
    quality = (own - own_mean + max(t_ok, t_ng)) / (1 + abs(t_ok - t_ng))
    contradicted = (1 - own >= other_mean) & ((own < own_mean) | (own < 1 - own))
    return LabelQuality(t_ok, t_ng, quality, contradicted)
