"""docs/service.md says of settings, roles, answers and figures what the code says.

PYTHONPATH=src:tests python tests/unit/serve/test_service_page.py writes the tables.
"""

import ast
import inspect
import re
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gainspect.ledger.accounts import Role
from gainspect.serve.fail_safes import TOLD
from gainspect.serve.figures import Figures
from gainspect.serve.security import rights
from gainspect.serve.security.settings import SecuritySettings
from gainspect.serve.settings import ServiceSettings
from service_parts import running
from spot_bundle import spot_bundle

_PAGE = Path(__file__).parents[3] / "docs/service.md"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


def told(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings under the fields of a model say."""
    (body,) = (
        node.body for node in ast.parse(inspect.getsource(model)).body if isinstance(node, ast.ClassDef)
    )
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def settings_table() -> str:
    rows = []
    for model, prefix in ((ServiceSettings, ""), (SecuritySettings, "security.")):
        words = told(model)
        for name, field in model.model_fields.items():
            if isinstance(field.default, BaseModel):
                continue
            rows.append((f"`{prefix}{name}`", _default(field.default), words[name]))
    return table(("setting", "if left out", "what it says"), rows)


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "–"
    return "–" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def answers_table() -> str:
    rows = [(str(told.status), f"`{why}`", told.what, told.hint or "–") for why, told in TOLD.items()]
    return table(("status", "`why`", "what is told", "what mends it"), sorted(rows))


def figures_table() -> str:
    text = Figures(lambda: 0, lambda: 0).text().decode()
    rows = [(f"`{name}`", said) for name, said in re.findall("^# HELP (.+?) (.+)$", text, re.MULTILINE)]
    return table(("figure", "what it counts"), rows)


def roles_table() -> str:
    """Every address of the app, and whom it lets pass."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "spots.gain"
        spot_bundle(bundle)
        with running(Path(folder), bundle, active=()) as (_, client):
            found = dict(rights._asked_for(client.app))  # type: ignore[arg-type]
    rows = []
    for address, allowed in sorted(found.items(), key=lambda row: row[0].split()[::-1]):
        if allowed is None:
            passes = (True,) * 5
        else:
            passes = (*(role in allowed.roles for role in Role), allowed.machine, False)
        rows.append((f"`{address}`", *("yes" if one else "" for one in passes)))
    return table(("address", *Role, "machine", "not signed in"), rows)


TABLES = {
    "settings": settings_table,
    "answers": answers_table,
    "figures": figures_table,
    "roles": roles_table,
}


def _places(page: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"<!-- (\w+) -->\n\n(.*?)\n<!-- end -->", page, re.DOTALL)


def test_the_page_says_what_the_code_says() -> None:
    found = dict(_places(_PAGE.read_text(encoding="utf-8")))
    assert found.keys() == TABLES.keys()
    for name, made in TABLES.items():
        assert found[name] == made(), f"run this file to write the table of {name} anew"


if __name__ == "__main__":
    text = _PAGE.read_text(encoding="utf-8")
    for part, made in TABLES.items():
        text = re.sub(
            rf"(<!-- {part} -->\n\n).*?(\n?<!-- end -->)",
            lambda found, made=made: f"{found[1]}{made()}\n<!-- end -->",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    _PAGE.write_text(text, encoding="utf-8")
