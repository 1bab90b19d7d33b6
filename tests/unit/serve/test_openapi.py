"""The OpenAPI document says what the service does: no request that it describes or does not breaks it."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth

from gainspect.ledger.records.decision import JudgedImage, MadeWith
from gainspect.serve.api.examples import DECISION
from gainspect.serve.api.inspections import DecisionAnswer
from gainspect.serve.problems import MEDIA_TYPE, ProblemDocument
from service_parts import machine, running
from spot_bundle import spot_bundle


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("served")
    bundle = spot_bundle(folder / "spots.gain")
    with running(folder, bundle.path) as (_, client):
        yield client.app


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_no_request_breaks_it_and_every_answer_is_as_described(app: FastAPI) -> None:
    operations = [
        one.ok() for one in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()
    ]
    assert "POST /v1/inspections" in {operation.label for operation in operations}
    for operation in operations:
        _ask(operation, machine(app))


def _ask(operation: Any, headers: dict[str, str]) -> None:
    @seed(0)
    @settings(max_examples=20, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def asked(case: Case) -> None:
        answer = case.call(headers=headers)
        if "this idempotency key was used for another part" in answer.text:  # the schema knows no history
            return
        late = answer.status_code == 504  # a deadline of no time is answered so
        # Who is let in is held against the table of rights; here all is asked with a token that is.
        excluded = [ignored_auth, *([not_a_server_error] if late else [])]
        case.validate_response(answer, excluded_checks=excluded)

    asked()


def test_every_error_is_described_as_a_problem_document(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    continue
                content = answer["content"]
                assert list(content) == [MEDIA_TYPE], (path, method, status)
                assert content[MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/ProblemDocument"}
                if status != "default":
                    example = ProblemDocument.model_validate(content[MEDIA_TYPE]["example"])
                    assert example.status == int(status)


def test_the_example_of_a_decision_is_one() -> None:
    example = DecisionAnswer.model_validate(DECISION)
    MadeWith.model_validate(DECISION["made_with"])
    for image in example.images:
        JudgedImage.model_validate(image, strict=False)
