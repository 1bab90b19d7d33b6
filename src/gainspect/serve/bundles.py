"""The bundles of a service, and which of them is active at a station."""

from collections.abc import Sequence
from dataclasses import dataclass

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.bundle import Bundle
from gainspect.inspection.inspector import Inspector
from gainspect.ledger import Ledger
from gainspect.ledger.inspected import made_with_now
from gainspect.ledger.questions import newest
from gainspect.ledger.records.decision import MadeWith
from gainspect.ledger.records.operation import BundleActivation


class NotLoaded(GainspectError):
    """A bundle that a service was started without."""


@dataclass(frozen=True)
class Loaded:
    """A bundle that can judge."""

    bundle: Bundle
    inspector: Inspector
    made_with: MadeWith

    @property
    def sha256(self) -> str:
        """Of the bundle."""
        return self.bundle.sha256

    @property
    def policy_id(self) -> str:
        """Of the policy that it decides by."""
        return self.bundle.description.policy.policy_id


class Bundles:
    """The bundles that were named at the start; all are loaded then.

    Args:
        bundles: those with the same content are one.
        ledger: whose records say which is active where.
        runtime: see `Inspector.load`.
        precision: see `Inspector.load`.
        threads: see `Inspector.load`.
        at_once: images that are judged together.
        max_mpx: see `Inspector.load`.

    Raises:
        GainspectError: one cannot be run here.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        ledger: Ledger,
        *,
        runtime: RuntimeName = "auto",
        precision: Precision = "f32",
        threads: int | None = None,
        at_once: int = 8,
        max_mpx: float | None = None,
    ) -> None:
        self._loaded: dict[str, Loaded] = {}
        for bundle in bundles:
            if bundle.sha256 not in self._loaded:
                inspector = Inspector.load(
                    bundle, runtime, precision, threads=threads, batch_size=at_once, max_mpx=max_mpx
                )
                self._loaded[bundle.sha256] = Loaded(bundle, inspector, made_with_now(inspector))
        self._ledger = ledger

    def all(self) -> Sequence[Loaded]:
        """In the order in which they were named."""
        return list(self._loaded.values())

    def known(self, sha256: str) -> Loaded:
        """A bundle by its hash.

        Raises:
            NotLoaded: this service has no such bundle.
        """
        found = self._loaded.get(sha256)
        if found is None:
            raise NotLoaded(
                f"this service was started without the bundle {sha256}",
                hint="Start it with that bundle, or activate another.",
            )
        return found

    def activation(self, station: str) -> BundleActivation | None:
        """The last activation at a station; None: there was none."""
        for entry in newest(self._ledger, station, "bundle_activation", 1):
            assert isinstance(entry.record, BundleActivation)
            return entry.record
        return None
