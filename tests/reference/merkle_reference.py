"""The Merkle tree of RFC 6962, 2.1, as the text defines it: recursive, over a list of leaves.

Written from the RFC without looking at `gainspect.ledger.merkle`; slow on purpose.
"""

from hashlib import sha256


def largest_power_of_2_below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d):
    """Merkle Tree Hash."""
    if not d:
        return sha256(b"").digest()
    if len(d) == 1:
        return sha256(b"\x00" + d[0]).digest()
    k = largest_power_of_2_below(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m, d):
    """Merkle audit path of leaf m (2.1.1)."""
    if len(d) == 1:
        return []
    k = largest_power_of_2_below(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def proof(m, d):
    """Merkle consistency proof of the first m leaves (2.1.2)."""
    return subproof(m, d, True)


def subproof(m, d, b):
    if m == len(d):
        return [] if b else [mth(d)]
    k = largest_power_of_2_below(len(d))
    if m <= k:
        return [*subproof(m, d[:k], b), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]
