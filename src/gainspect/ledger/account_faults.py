"""What accounts, invitations and tokens refuse, each with a code by which a page finds its words."""

from enum import StrEnum

from gainspect.errors import GainspectError


class AccountFault(StrEnum):
    """Why it is refused."""

    LINK_SPENT = "link_spent"
    """The link was used, has expired, or never was."""
    NAME_TAKEN = "name_taken"
    NAME_UNFIT = "name_unfit"
    """It is empty, too long, or holds characters that nobody sees."""
    NO_PERSON = "no_person"
    NO_TOKEN = "no_token"
    TOKEN_UNFIT = "token_unfit"
    """Its name or its station is empty, too long, or holds characters that nobody sees."""
    LAST_ENGINEER = "last_engineer"
    """Nobody could invite anybody any more."""


_SAID = {
    AccountFault.LINK_SPENT: ("this link cannot be used", "Ask for a new one: each works once, for a time."),
    AccountFault.NAME_TAKEN: ("somebody has this name already", "Choose another one."),
    AccountFault.NAME_UNFIT: ("this cannot be a name", "Take 1 to 100 visible characters."),
    AccountFault.NO_PERSON: ("there is no such person", "See who is there, and choose again."),
    AccountFault.NO_TOKEN: ("there is no such token", "See which there are, and choose again."),
    AccountFault.TOKEN_UNFIT: ("this cannot be a name or a station", "Take 1 to 300 visible characters."),
    AccountFault.LAST_ENGINEER: (
        "this is the last engineer",
        "Make somebody else an engineer first: otherwise nobody could.",
    ),
}


class AccountError(GainspectError):
    """A refusal.

    Args:
        fault: why.
    """

    def __init__(self, fault: AccountFault) -> None:
        what, hint = _SAID[fault]
        super().__init__(what, hint=hint)
        self.fault = fault
