"""A comparison of two bundles, for tests of what is made of one."""

from gainspect.evaluation.bundle_comparison import BundleComparison, Change, ComparedBundle, ComparedParts
from gainspect.metrics.decisions import Outcome
from gainspect.types import Label

OLD, NEW, POLICY, OTHER = (digit * 64 for digit in "abcd")


def comparison() -> BundleComparison:
    """One NG part is newly missed, in both sets."""
    change = Change(
        part="덮개 1",
        label=Label.NG,
        before=Label.NG,
        after=Label.OK,
        score_before=0.75,
        score_after=0.25,
        images=("a.png",),
    )
    parts = [
        ComparedParts(
            parts=name,
            fingerprint=OTHER,
            count=7,
            images=9,
            trained_on=2,
            validated_on=1,
            before=Outcome(1, 0, 0, 0, 0, 6),
            after=Outcome(0, 0, 1, 0, 0, 6),
            changes=(change,),
        )
        for name in ("old", "new")
    ]
    told = {"runtime": "onnxruntime", "precision": "f32"}
    return BundleComparison(
        gainspect="0.1.0",
        old=ComparedBundle(name="old", sha256=OLD, policy_id=OTHER, **told),
        new=ComparedBundle(name="new", sha256=NEW, policy_id=POLICY, **told),
        sets=(parts[0], parts[1]),
        page_sha256=OTHER,
    )
