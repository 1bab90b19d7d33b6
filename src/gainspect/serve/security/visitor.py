"""Who sends a request: a person who is signed in, or a machine."""

from dataclasses import dataclass, field

from gainspect.ledger.accounts import Role


@dataclass(frozen=True)
class Visitor:
    """Who is let in."""

    actor: str | None
    """Pseudonym of a person; None: a machine."""
    name: str
    role: Role | None
    """None: a machine."""
    station: str | None = None
    """Of a machine: the only one for which it may send parts."""
    csrf: str = field(default="", repr=False)
    """What a form or a script of the pages has to send along; of a machine: nothing."""
