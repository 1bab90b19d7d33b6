"""The tables of the first version."""

from gainspect.ledger.databases.migrations import apply

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make them."""
    apply("tables_1")
