"""Beside the tree: accounts, invitations, sessions, known devices, tokens, attempts, claims."""

from gainspect.ledger.databases.migrations import apply

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Make them."""
    apply("tables_4")
