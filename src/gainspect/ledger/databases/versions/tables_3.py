"""No record stands before the first place."""

from gainspect.ledger.databases.migrations import apply

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Let the database refuse it."""
    apply("tables_3")
