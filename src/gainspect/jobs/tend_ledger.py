"""What a ledger needs now and then: pictures removed by rule, a corrected clock, people and their names."""

from collections.abc import Sequence
from datetime import timedelta

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.invitations import Invitations
from gainspect.ledger.records.base import this_station
from gainspect.ledger.records.operation import Role
from gainspect.ledger.records.upkeep import ClockCorrected, NameErased, RetentionRule
from gainspect.ledger.retention import remove_by_rule
from gainspect.types import Label


def remove_pictures(
    url: str,
    *,
    older_than_days: float,
    labels: Sequence[str] = ("ok",),
    spare_touched: bool = True,
    pictures: str | None = None,
) -> int:
    """Remove the pictures of old decisions; how many there were (`ledger.retention`).

    Raises:
        GainspectError: there is no such ledger or label, or the pictures cannot be removed.
    """
    unknown = set(labels) - set(Label)
    if unknown or not labels or older_than_days < 0:
        raise GainspectError("this is no rule", hint=f"Labels are {', '.join(Label)}; days count from 0.")
    chosen = tuple(label for label in Label if label in labels)
    name = f"{', '.join(chosen)} after {older_than_days:g} days"
    rule = RetentionRule(
        name=name, older_than_days=older_than_days, labels=chosen, spare_touched=spare_touched
    )
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        return remove_by_rule(ledger, rule, station=this_station())


def correct_clock(url: str, *, actor: str, reason: str) -> None:
    """Record that a clock had run ahead, so that times may begin anew.

    Raises:
        GainspectError: there is no such ledger or person.
    """
    with open_ledger(url, create=False) as ledger:
        _require_person(ledger, actor)
        ledger.append(ClockCorrected(station=this_station(), actor=actor, reason=reason))


def add_person(url: str, name: str) -> str:
    """Give a person a pseudonym.

    Raises:
        GainspectError: there is no such ledger, or the name is empty.
    """
    if not name.strip():
        raise GainspectError("the name of the person is empty", hint="`gainspect ledger person LEDGER NAME`.")
    with open_ledger(url, create=False) as ledger:
        return ledger.people.add(name)


def invite(url: str, *, role: str, person: str | None = None, hours: float = 24.0, service: str = "") -> str:
    """Make a link by which somebody gets an account at the service, or a new password; it is recorded.

    For when nobody can sign in who may invite: whoever has the database may do it.

    Args:
        url: of the ledger.
        role: operator, engineer or auditor.
        person: pseudonym; an account that is there keeps its role. None: somebody new.
        hours: how long it works.
        service: where the service is reached, http://… or https://….

    Returns:
        The link, or without `service` its path.

    Raises:
        GainspectError: there is no such ledger, role or person, or the person is disabled.
    """
    if role not in [*Role]:
        raise GainspectError(f"there is no role {role!r}", hint=f"Choose from {', '.join(Role)}.")
    with open_ledger(url, create=False) as ledger:
        if person is not None:
            _require_person(ledger, person)
        code = Invitations(ledger).make(
            Role(role), by=None, actor=person, valid=timedelta(hours=hours), reason="command line"
        )
    return f"{service.rstrip('/')}/invitation/{code}"


def people_of(url: str) -> Sequence[tuple[str, str]]:
    """Each pseudonym with its name, by name; without names that were erased.

    Raises:
        GainspectError: there is no such ledger.
    """
    with open_ledger(url, create=False) as ledger:
        return ledger.people.all()


def erase_person(url: str, actor: str, *, reason: str) -> None:
    """Erase the name behind a pseudonym, and record that.

    Raises:
        GainspectError: there is no such ledger or person.
    """
    with open_ledger(url, create=False) as ledger:
        _require_person(ledger, actor)
        # The record first: a kill between them leaves a name that can be erased again.
        ledger.append(NameErased(station=this_station(), person=actor, reason=reason))
        ledger.people.erase(actor)


def _require_person(ledger: Ledger, actor: str) -> None:
    if ledger.people.name_of(actor) is None:
        raise GainspectError(
            f"there is no person {actor}",
            where=ledger.database.place,
            hint="`gainspect ledger person LEDGER NAME` adds one.",
        )
