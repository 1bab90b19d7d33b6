"""What went wrong is told by a code: to programs in English, on a page in the language of the page."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from starlette.testclient import TestClient

import gainspect.serve
from gainspect.ledger.accounts import Role
from gainspect.ledger.records.decision import FailSafeReason
from gainspect.serve.pages.texts import LANGUAGES, TEXTS, Language, Words
from gainspect.serve.problem_codes import ApiCode, PageCode
from gainspect.serve.problems import TYPE, Problem
from page_parts import plant
from service_parts import running
from spot_bundle import spot_bundle

SERVE = Path(gainspect.serve.__file__).parent
COMPUTED = {"why", "code"}
"""Codes that are no constants: of fail-safe answers, of requests that another site sent, of HTTP."""


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """Where a problem is made, its code, and the members that it gives to its document."""
    for path in sorted(SERVE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "Problem":
                continue
            code = node.args[1]
            said = code.value if isinstance(code, ast.Constant) else ast.unparse(code)
            members = {keyword.arg or "" for keyword in node.keywords}
            yield f"{path.name}:{node.lineno}", str(said), {"detail", *members} - {"headers"}


def test_every_code_of_a_page_has_words_in_every_language_and_no_other_has() -> None:
    for language in LANGUAGES:
        words = {key.removeprefix("problem_") for key in TEXTS[language] if key.startswith("problem_")}
        assert words == set(get_args(PageCode)), language


def test_every_problem_has_a_known_code_and_gives_what_its_words_are_filled_in_with() -> None:
    known = {*get_args(PageCode), *get_args(ApiCode), *get_args(FailSafeReason)}
    found = list(raised())
    assert len(found) > 50
    assert {code for _, code, _ in found} - known == COMPUTED
    for where, code, members in found:
        for language in LANGUAGES:
            text = TEXTS[language].get(f"problem_{code}", "")
            asked = {name for _, name, _, _ in Formatter().parse(text) if name}
            assert asked <= members, f"{where}: {code} ({language})"


def test_a_code_that_is_told_nowhere_is_none() -> None:
    told = {code for _, code, _ in raised()} | {"other_site", "page_too_old", "no_page", "not_taken"}
    assert {*get_args(PageCode), *get_args(ApiCode)} <= told


def test_words_are_filled_in_with_the_members_of_the_document() -> None:
    outside = Problem(422, "region_outside", "region 2 leaves …", region=2, width=480, height=360)
    assert "영역 2" in Words("ko").problem(outside) and "480 × 360 px" in Words("ko").problem(outside)
    assert "Region 2" in Words("en").problem(outside)
    unnamed = Problem(409, "part_taken", "this part is in already", "Begin anew.")
    assert Words("ko").problem(unnamed) == "this part is in already. Begin anew."


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_reads_it_on_a_page_and_a_program_in_a_document(tmp_path: Path, language: Language) -> None:
    texts = TEXTS[language]
    with plant(tmp_path) as made, made.client(made.person(Role.OPERATOR, "Kim")[1]) as client:
        looks = {"Accept": "text/html", "Accept-Language": language}
        for path, status, code in (
            ("/nowhere", 404, "no_page"),
            ("/people", 403, "role_may_not"),
            ("/review/none", 404, "no_decision"),
            ("/review?what=nothing", 422, "invalid"),
        ):
            page = client.get(path, headers=looks)
            assert page.status_code == status
            assert page.headers["content-type"].startswith("text/html"), path
            assert texts[f"problem_{code}"] in page.text and texts[f"status_{status}"] in page.text
            document = client.get(path, headers={"Accept-Language": language}).json()
            assert document["type"] == f"{TYPE}{code}" and document["detail"].isascii()


def test_an_error_of_gainspect_itself_is_a_page_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spot_bundle(tmp_path / "spots.gain")
    with running(tmp_path, tmp_path / "spots.gain") as (_, client):

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("gainspect.serve.security.sign_in_pages.safe_path", fails)
        anybody = TestClient(client.app, raise_server_exceptions=False)
        page = anybody.get("/sign-in", headers={"Accept": "text/html", "Accept-Language": "ko"})
        assert page.status_code == 500 and TEXTS["ko"]["problem_internal"] in page.text
