"""Indexes for questions: lot, station, bundle, policy, time, kind with label."""

from gainspect.ledger.databases.migrations import apply

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Make them."""
    apply("tables_2")
