"""Files that are announced, then uploaded past us, belong to the team that announced them."""

from stockyard.testing.yard import Yard
from tests.held_things import answers
from tests.teams import another_team

OURS = "/gemini/v1beta"
ANNOUNCE = "/gemini/upload/v1beta/files"
START = {"x-goog-upload-command": "start", "x-goog-upload-protocol": "resumable"}


async def test_an_announced_file_belongs_to_the_team_that_asks_for_it_first(yard: Yard) -> None:
    gemini = yard.provider("gemini").sends(200, {"x-goog-upload-url": "https://x/y"}, b"")
    body = b'{"file": {"displayName":  "a.pdf"}}'
    heard = await yard.call(ANNOUNCE, body, headers=START)
    assert heard.headers["x-goog-upload-url"] == "https://x/y"
    assert gemini.last.body == body, "as it came"
    theirs = await another_team(yard)
    answers(gemini, {"name": "files/abc", "state": "ACTIVE"})
    assert (await yard.get(OURS + "/files/abc", headers=theirs)).status == 404
    assert (await yard.get(OURS + "/files/abc")).status == 200
    assert (await yard.get(OURS + "/files/abc")).status == 200
    assert (await yard.get(OURS + "/files/abc", headers=theirs)).status == 404
    assert (await yard.get(OURS + "/files/other")).status == 404, "one was announced"


async def test_a_body_may_be_the_first_to_name_an_announced_file(yard: Yard) -> None:
    gemini = yard.provider("gemini").sends(200, {}, b"")
    await yard.call(ANNOUNCE, b"", headers=START)
    answers(gemini, {"candidates": [{"content": {"parts": [{"text": "a"}]}}]})
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    asks = {"contents": [{"parts": [{"fileData": {"fileUri": uri}}]}]}
    assert (await yard.call(OURS + "/models/m:generateContent", asks)).status == 200


async def test_announcing_another_teams_file_does_not_give_it_away(yard: Yard) -> None:
    gemini = yard.provider("gemini").sends(200, {}, b"")
    theirs = await another_team(yard)
    await yard.call(ANNOUNCE, {"file": {"name": "files/a"}}, headers=START)
    named = {"file": {"name": "files/a"}}
    for body in ({}, named, named):
        await yard.call(ANNOUNCE, body, headers=START | theirs)
    answers(gemini, {"name": "files/a"})
    assert (await yard.get(OURS + "/files/a", headers=theirs)).status == 404
    assert (await yard.get(OURS + "/files/a")).status == 200


async def test_a_list_shows_none_that_nobody_has_asked_for(yard: Yard) -> None:
    gemini = yard.provider("gemini").sends(200, {}, b"")
    await yard.call(ANNOUNCE, {}, headers=START)
    answers(gemini, {"files": [{"name": "files/abc"}]})
    assert (await yard.get(OURS + "/files")).json.get("files", []) == []


async def test_an_announcement_that_the_provider_refuses_opens_nothing(yard: Yard) -> None:
    gemini = yard.provider("gemini").sends(400, {}, b"{}")
    await yard.call(ANNOUNCE, {}, headers=START)
    answers(gemini, {"name": "files/abc"})
    assert (await yard.get(OURS + "/files/abc")).status == 404
