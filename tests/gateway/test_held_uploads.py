"""Files that are uploaded to a provider: where they go, and who may do so."""

import pytest

from stockyard.testing.yard import Yard
from tests.held_things import FORM, VERSION, a_file, a_form, answers, lines_for, uploaded


class TestUploads:
    async def test_an_upload_goes_on_as_it_came_with_our_credential(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        heard = await uploaded(yard, openai, cookie="c=1")
        assert heard.json == a_file("file-1")
        assert openai.last.target == "/v1/files"
        assert openai.last.body == a_form()
        assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
        assert openai.last.headers["content-type"] == FORM["content-type"]
        assert openai.last.headers["user-agent"].startswith("stockyard/")
        assert "cookie" not in openai.last.headers
        assert yard.last.exchange.kind == "passthrough"

    async def test_the_path_is_found_without_a_version_too(self, yard: Yard) -> None:
        answers(yard.provider("openai"), a_file("file-1"))
        heard = await yard.call("/files", a_form(), headers=FORM)
        assert heard.status == 200

    @pytest.mark.parametrize(
        ("file", "header", "wins"),
        [
            (lines_for("gpt-scripted"), "", "openai"),
            (lines_for("groq/llama"), "", "groq"),
            (lines_for("gpt-scripted"), "groq", "groq"),
            (b'{"prompt": 1}\n', "groq", "groq"),
        ],
    )
    async def test_the_header_names_the_provider_or_else_the_model_of_the_first_line_does(
        self, yard: Yard, file: bytes, header: str, wins: str
    ) -> None:
        for name in ("openai", "groq"):
            answers(yard.provider(name), a_file("file-1"))
        named = {"x-stockyard-provider": header} if header else {}
        heard = await yard.call("/v1/files", a_form(file), headers=FORM | named)
        assert heard.status == 200, heard.body
        assert len(yard.provider(wins).requests) == 1
        assert heard.headers["x-stockyard-provider"] == wins

    async def test_an_upload_that_names_no_provider_needs_there_to_be_only_one(
        self, yard: Yard
    ) -> None:
        yard.provider("openai")
        yard.provider("groq")
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert heard.status == 400
        assert "X-Stockyard-Provider" in heard.json["error"]["message"]

    @pytest.mark.parametrize("header", ["cerebras", "nobody"])
    async def test_a_provider_that_takes_no_uploads_is_refused(
        self, yard: Yard, header: str
    ) -> None:
        yard.provider("openai")
        named = {"x-stockyard-provider": header}
        heard = await yard.call("/v1/files", a_form(), headers=FORM | named)
        assert heard.status == 400

    async def test_a_form_with_two_boundaries_is_refused(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        other = {"content-type": "multipart/form-data; boundary=other"}
        heard = await yard.call("/v1/files", a_form(), headers=other)
        assert heard.status == 400
        assert not openai.requests

    async def test_an_upload_with_the_version_of_messages_goes_to_their_provider(
        self, yard: Yard
    ) -> None:
        openai, anthropic = yard.provider("openai"), yard.provider("anthropic")
        answers(anthropic, {"id": "file_a", "type": "file"})
        betas = {"anthropic-beta": "files-api-2025-04-14"}
        heard = await yard.call("/v1/files", a_form(), headers=FORM | VERSION | betas)
        assert heard.status == 200
        assert anthropic.last.headers["anthropic-version"] == "2023-06-01"
        assert anthropic.last.headers["anthropic-beta"] == betas["anthropic-beta"]
        assert anthropic.last.headers["x-api-key"] == "secret-of-anthropic"
        assert not openai.requests

    async def test_an_upload_that_no_provider_takes_is_refused(self, yard: Yard) -> None:
        yard.provider("anthropic")
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert heard.status == 503
        assert heard.json["error"]["code"] == "no_target"
