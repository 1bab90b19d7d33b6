"""Map and localization metrics as plain loops over pixels, straight from their definitions.

Written without looking at `gainspect.metrics`; slow on purpose.
"""

import math
from itertools import pairwise


def cam_iou(values, mask, threshold=0.5):
    pixels = [
        (float(v), bool(m))
        for row_v, row_m in zip(values, mask, strict=True)
        for v, m in zip(row_v, row_m, strict=True)
    ]
    low = min(v for v, _ in pixels)
    high = max(v for v, _ in pixels)
    if high == low:
        return 0.0
    both = sum((v - low) / (high - low) > threshold and m for v, m in pixels)
    either = sum((v - low) / (high - low) > threshold or m for v, m in pixels)
    return both / either


def fixed_iou(values, mask, threshold):
    both = either = 0
    for row_v, row_m in zip(values, mask, strict=True):
        for v, m in zip(row_v, row_m, strict=True):
            both += bool(v > threshold and m)
            either += bool(v > threshold or m)
    return both / either


def pointing_game(values, mask):
    best, places = -math.inf, []
    for y, row in enumerate(values):
        for x, v in enumerate(row):
            if v > best:
                best, places = v, []
            if v == best:
                places.append((y, x))
    return sum(bool(mask[y][x]) for y, x in places) / len(places)


def energy_inside(values, mask):
    pixels = [
        (max(float(v), 0.0), bool(m))
        for rv, rm in zip(values, mask, strict=True)
        for v, m in zip(rv, rm, strict=True)
    ]
    total = math.fsum(v for v, _ in pixels)
    return math.fsum(v for v, m in pixels if m) / total if total > 0 else 0.0


def defects(mask):
    """Connected defects (8 neighbors) as sets of pixels, by flood fill."""
    left = {(y, x) for y, row in enumerate(mask) for x, m in enumerate(row) if m}
    found = []
    while left:
        defect, border = set(), [left.pop()]
        while border:
            y, x = border.pop()
            defect.add((y, x))
            for near in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    border.append(near)
        found.append(defect)
    return found


def aupro(images, limit=0.3):
    """Over (values, mask) pairs, at every value that occurs as a threshold."""
    thresholds = sorted({float(v) for values, _ in images for row in values for v in row}, reverse=True)
    all_defects = [(values, defect) for values, mask in images for defect in defects(mask)]
    good = [
        float(v)
        for values, mask in images
        for row_v, row_m in zip(values, mask, strict=True)
        for v, m in zip(row_v, row_m, strict=True)
        if not m
    ]
    points = [(0.0, 0.0)]
    for threshold in thresholds:
        rate = sum(v >= threshold for v in good) / len(good)
        covered = [sum(v[y][x] >= threshold for y, x in d) / len(d) for v, d in all_defects]
        points.append((rate, sum(covered) / len(covered)))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 >= limit or x1 == x0:
            continue
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit
