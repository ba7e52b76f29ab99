"""What is counted later of callers with a provider's own secret."""

from typing import ClassVar

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from tests.held_things import answers
from tests.late_usage import (
    INTERACTION_ASKED,
    INTERACTION_OVER,
    INTERACTIONS,
    JSON,
    LINES,
    QUEUED,
    RUN_BEGUN,
    RUN_OVER,
    a_line,
    completed,
    counted,
    lines,
    settled,
    tokens_counted,
)


class TestSecretsOfCallers:
    """Who brings a secret has an account of its own, and what it uses is counted like the rest."""

    OWN: ClassVar = {"authorization": "Bearer sk-proj-of-the-caller-0123456789"}
    OTHER: ClassVar = {"authorization": "Bearer sk-proj-of-another-0123456789"}

    async def call(self, yard: Yard, path: str, openai: ScriptedProvider, said: object) -> None:
        answers(openai, said)
        assert (await yard.call(path, {}, headers=self.OWN)).json == said
        assert await settled(yard)

    async def test_a_batch_is_counted_once(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await self.call(yard, "/openai/v1/batches", openai, {"id": "batch_1"})
        done = {"id": "batch_1", "status": "completed", "output_file_id": "file-out"}
        answers(openai, done)
        assert (await yard.get("/openai/v1/batches/batch_1", headers=self.OWN)).json == done
        assert await settled(yard)
        for headers in (self.OTHER, self.OWN, self.OWN):
            openai.sends(200, LINES, lines(a_line(10, 5)))
            await yard.get("/openai/v1/files/file-out/content", headers=headers)
            assert await settled(yard)
        (only,) = counted(yard)
        assert only.usage is not None
        assert only.usage.total == 15
        assert only.caller.strange
        assert (await yard.get("/openai/v1/batches/batch_1")).status == 404, "is no team's"

    async def test_a_run_is_counted_once(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        begun, path = RUN_BEGUN, "/openai/v1/threads/thread_1/runs"
        await self.call(yard, path, openai, begun)
        for _ in range(2):
            answers(openai, RUN_OVER)
            await yard.get(f"{path}/run_1", headers=self.OWN)
            assert await settled(yard)
        runs = [x for x in counted(yard, "chat") if x.usage is not None]
        assert len(runs) == 1
        assert runs[0].caller.strange

    @pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
    async def test_an_answer_in_the_background_is_counted_once(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai").sends(200, JSON, QUEUED.encode())
        body = {"model": "gpt-4o", "input": "hi", "background": True}
        assert (await yard.call(path, body, headers=self.OWN)).status == 200
        assert await settled(yard)
        for headers in (self.OTHER, self.OWN, self.OWN):
            answers(openai, completed())
            assert (await yard.get(f"{path}/resp_b", headers=headers)).status == 200
            assert await settled(yard)
        used = [x for x in counted(yard, "chat") if x.usage is not None and x.usage.total]
        assert [(x.usage and x.usage.total, x.caller.strange) for x in used] == [(8, True)]
        assert (await yard.get(f"{path}/resp_b")).status == 404, "is no team's"

    async def test_an_interaction_in_the_background_is_counted_once(self, yard: Yard) -> None:
        own = {"x-goog-api-key": "AIzaSyOfTheCaller0123456789abcdefghijkl"}
        gemini = yard.provider("gemini")
        answers(gemini, {"id": "v1_x-1", "status": "in_progress"})
        asking = INTERACTION_ASKED | {"background": True}
        assert (await yard.call(INTERACTIONS, asking, headers=own)).status == 200
        assert await settled(yard)
        for _ in range(2):
            answers(gemini, INTERACTION_OVER)
            await yard.get(f"{INTERACTIONS}/v1_x-1", headers=own)
            assert await settled(yard)
        assert tokens_counted(yard) == [("chat", 5, 6)]
