"""What a ledger needs now and then: pictures removed by rule, a corrected clock, people and their names."""

from collections.abc import Sequence

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.base import this_station
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
