"""The service against its own OpenAPI document, over real connections: whatever is sent, and in whatever order, nothing is a
fault of ours, and every answer has a status, a type, headers and a shape that are declared.

That a request which fits the document's schema may be refused is no fault: whether a name means something here is not for a
schema to say.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from libraries import TEXTS, build
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from serving import WAIT, live

from indexer.settings import Settings
from service.api import create_app
from service.serving import jobs

DOCUMENT = Path(__file__).parents[1] / "service" / "api" / "openapi.json"
OPERATIONS = [
    (method.upper(), path)
    for path, operations in json.loads(DOCUMENT.read_text("utf-8"))["paths"].items()
    for method in operations
]
TOKEN = {"Authorization": "Bearer secret"}
IDS = list(TEXTS)
MEANT = {
    "paper_id": IDS, "id": IDS, "goal": IDS, "known": IDS, "in": IDS, "like": IDS, "unlike": IDS,
    "q": ["islands communicate", "meta learning -parsing", '"inner steps" year:2020..', "kind:body author:example"],
    "phrase": ["inner steps"], "without": ["grammars"], "list": ["theme"], "author": ["example"], "year": ["2020.."],
    "topic": ["paper"], "is": ["unread"], "has": ["note"], "budget": ["3h"], "section": ["method"],
}  # fmt: skip
"""What parameters may say that means something in the library here; made up it hardly ever does."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    folder = tmp_path_factory.mktemp("declared")
    settings = Settings(library=folder / "library", model="toy", digests=folder / "none", token=SecretStr("secret"))
    build(settings.library)
    real = subprocess.Popen

    def nothing_to_do(command: list[str], **given: Any) -> subprocess.Popen:
        return real(["echo", "{}"], **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.subprocess, "Popen", nothing_to_do)  # what a reindex does is tested elsewhere
        with live(create_app(settings), settings) as url:
            yield schemathesis.openapi.from_url(f"{url}/openapi.json", config=config())


def config() -> schemathesis.Config:
    """What is usual, and that a request may be refused for its size before it is looked into."""
    return schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "405", "409", "413", "414", "421", "422", "429", "431"]}}})  # fmt: skip


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_any_request_is_answered_as_declared(schema: schemathesis.BaseSchema, method: str, path: str) -> None:
    tried(schema, method, path, 6)


@pytest.mark.torture
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_hundreds_of_requests_are_answered_as_declared(schema: schemathesis.BaseSchema, method: str, path: str) -> None:
    tried(schema, method, path, 250)


def test_requests_that_follow_from_answers_are_answered_as_declared(schema: schemathesis.BaseSchema) -> None:
    followed(schema, 8)


@pytest.mark.torture
def test_hundreds_of_requests_that_follow_from_answers_are_answered_as_declared(
    schema: schemathesis.BaseSchema,
) -> None:
    followed(schema, 300)


def tried(schema: schemathesis.BaseSchema, method: str, path: str, examples: int) -> None:
    """Sends requests that fit the document, with and without names that mean something, and such as don't fit it."""
    operation = schema[path][method]

    @settled(examples)
    @hypothesis.given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE), data=st.data())
    def fits(case: schemathesis.Case, data: st.DataObject) -> None:
        for given in (case.path_parameters, case.query):
            for name in given:
                if name in MEANT and data.draw(st.booleans(), label=f"{name} is meant"):
                    value = data.draw(st.sampled_from(MEANT[name]), label=name)
                    given[name] = [value] if isinstance(given[name], list) else value
        judged(case)

    @settled(examples)
    @hypothesis.given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def fits_not(case: schemathesis.Case) -> None:
        judged(case)

    fits()
    try:
        fits_not()
    except hypothesis.errors.Unsatisfiable:
        assert method == "GET"  # any text is a name, and where nothing is taken nothing can be wrong


def followed(schema: schemathesis.BaseSchema, examples: int) -> None:
    """Asks one thing after another, with what the answers before said: by the document's links."""

    class Follows(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            return {"headers": TOKEN, "timeout": WAIT}

        def validate_response(self, response: Any, case: schemathesis.Case, **given: Any) -> None:
            # A link and our token may put right what was made wrong; `fits_not` sees to what isn't
            excluded = [positive_data_acceptance, negative_data_rejection]
            case.validate_response(response, excluded_checks=excluded, headers=TOKEN)

    Follows.run(settings=settled(examples, stateful_step_count=6))


def judged(case: schemathesis.Case) -> None:
    """Sends a request, and sees that it is answered as declared."""
    case.call_and_validate(headers=TOKEN, timeout=WAIT, excluded_checks=[positive_data_acceptance])


def settled(examples: int, **more: Any) -> hypothesis.settings:
    """The same cases each time."""
    return hypothesis.settings(
        max_examples=examples, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(hypothesis.HealthCheck), **more,
    )  # fmt: skip
