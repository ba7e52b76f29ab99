"""Bodies that parsers disagree about: refused in the words of the path, or passed on as is."""

import logging

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.security.json_corpus import CORPUS, MODEL, call

PATHS = {
    "/v1/chat/completions": ("openai", b"gpt-4o-mini"),
    "/v1/messages": ("anthropic", b"claude-3-5-haiku-latest"),
}
LEAKS = (b"Traceback", b".py", b"msgspec", b"stockyard.", b"sk-sy-", b"secret-of", b"\\u0000")
LONGEST_REFUSAL = 1_000


def test_the_corpus_has_ten_cases_of_each_of_eight_kinds() -> None:
    assert [len(cases) for cases in CORPUS.values()] == [10] * 8
    bodies = {case.body for cases in CORPUS.values() for case in cases}
    assert len(bodies) == 80


@pytest.mark.parametrize("decoded", [False, True], ids=["untouched", "decoded"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", CORPUS)
async def test_hostile_json_is_refused_or_passed_on_to_the_byte(
    yard: Yard, caplog: pytest.LogCaptureFixture, kind: str, path: str, decoded: bool
) -> None:
    name, model = PATHS[path]
    provider = yard.provider(name).says("fine")
    if decoded:
        yard.enable("promptguard")
    wrong = []
    for case in CORPUS[kind]:
        before = len(provider.requests)
        body = case.body.replace(MODEL, model)
        answer = await yard.call(path, body)
        reached = [request.body for request in list(provider.requests)[before:]]
        fate = case.decoded if decoded else case.untouched
        fine = _refused(answer, path) and not reached
        if fate == "passed":
            fine = answer.status == 200 and reached == [body]
        after = await yard.call(path, call().replace(MODEL, model))
        if not fine or after.text != "fine":
            wrong.append((case.what, fate, answer.status, answer.body[:200], len(reached)))

    assert wrong == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def _refused(answer: Heard, path: str) -> bool:
    """A typed 400 of the path's dialect that tells nothing of what is inside."""
    error = answer.error or {}
    typed = error.get("type") == "invalid_request_error" and bool(error.get("message"))
    if path == "/v1/messages":
        typed = typed and answer.json.get("type") == "error"
    else:
        typed = typed and error.get("code") in ("json_invalid", "invalid_request")
    leaked = len(answer.body) > LONGEST_REFUSAL or any(leak in answer.body for leak in LEAKS)
    return answer.status == 400 and typed and not leaked
