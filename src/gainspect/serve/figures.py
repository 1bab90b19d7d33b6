"""What Prometheus reads of a service."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gainspect.ledger.records.decision import Decision, FailSafe

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)


class Figures:
    """Counters, gauges and histograms; each service has its own.

    Args:
        waiting: gives the number of images that wait or are judged.
        spooled: gives the number of answers that the ledger lacks.
    """

    def __init__(self, waiting: Callable[[], int], spooled: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._decisions = Counter(
            "gainspect_decisions", "Decisions answered.", ("station", "label"), registry=registry
        )
        self._fail_safe = Counter(
            "gainspect_fail_safe",
            "Answers in the place of a decision.",
            ("station", "why"),
            registry=registry,
        )
        self._seconds = Histogram(
            "gainspect_answer_seconds",
            "From the arrival of a request to a durable decision.",
            ("station",),
            buckets=_SECONDS,
            registry=registry,
        )
        for name, told, given in (
            ("images_waiting", "Images that wait or are judged.", waiting),
            ("spooled", "Answers that the ledger lacks.", spooled),
        ):
            Gauge(f"gainspect_{name}", told, registry=registry).set_function(given)

    def decided(self, decision: Decision, seconds: float) -> None:
        """Count a decision."""
        self._decisions.labels(decision.station, str(decision.label)).inc()
        self._seconds.labels(decision.station).observe(seconds)

    def failed_safe(self, record: FailSafe) -> None:
        """Count an answer in the place of a decision."""
        self._fail_safe.labels(record.station, record.why).inc()

    def text(self) -> bytes:
        """All, as Prometheus reads it."""
        return generate_latest(self._registry)
