"""Bodies and queries that name what another team made: refused, however they are spelled."""

import pytest

from stockyard.testing.yard import Yard
from tests.held_things import JSON, answers
from tests.teams import another_team

NAMES_IT = b'{"training_file":"file-1","thread_id":"thread_1"}'
PAIRS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
FIELD = b'--cut\r\ncontent-disposition: form-data; name="file_id"\r\n\r\nfile-1\r\n--cut--\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (NAMES_IT, JSON, 404),
        (NAMES_IT.decode().encode("utf-16"), JSON, 400),
        (NAMES_IT.decode().encode("utf-16-le"), {"content-type": "text/plain"}, 400),
        (NAMES_IT.decode().encode("utf-32-be"), JSON, 400),
        (b"model=gpt-4o&training_file=file-1", PAIRS, 404),
        (b"thread%5fid=thread_1", PAIRS, 404),
        (b"file_ids[]=file-0&file_ids%5B%5D=file-1", PAIRS, 404),
        (b"a=1&" * 1000, PAIRS, 400),
        (FIELD, FORM, 404),
        (b"See below.\r\n" + FIELD, FORM, 400),
        (FIELD, {"content-type": "multipart/form-data; boundary=other"}, 400),
    ],
)
@pytest.mark.parametrize("path", ["/openai/v1/fine_tuning/jobs", "/openai/v1/vector_stores"])
async def test_no_encoding_of_a_body_hides_that_it_names_another_teams_thing(
    yard: Yard, path: str, body: bytes, kind: dict[str, str], status: int
) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "made"})
    heard = await yard.call(path, body, headers=kind)
    assert (heard.status, len(openai.requests)) == (status, 0)


async def test_a_body_that_names_nothing_goes_on(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "made"})
    for body, kind in ((b"a=b&c=d", PAIRS), (b"\x00\x00sound", {"content-type": "audio/pcm"})):
        assert (await yard.call("/openai/v1/odd", body, headers=kind)).status == 200
        assert openai.last.body == body


@pytest.mark.parametrize(
    "query", ["id=made_1", "limit=2&ids=made_1"], ids=["alone", "among others"]
)
async def test_names_in_a_query_are_judged_too(yard: Yard, query: str) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "made_1"})
    assert (await yard.call("/openai/v1/videos", {})).status == 200
    theirs = await another_team(yard)
    path = f"/openai/v1/somewhere?{query}"
    assert (await yard.get(path, headers=theirs)).status == 404
    assert (await yard.get(path)).status == 200
