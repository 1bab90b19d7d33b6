"""Indexes for pages: the newest of a station, and what waits for a person."""

from gainspect.ledger.databases.migrations import apply

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Make them."""
    apply("tables_5")
