"""Runs of assistants are counted once, however often their usage is reported."""

import json

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from tests.held_things import answers
from tests.late_usage import RUN_BEGUN, RUN_OVER, counted, settled


class TestRuns:
    """Of assistants: they go on by themselves, and tell what they used whenever they are asked."""

    THREAD = "/openai/v1/threads/thread_1"

    @pytest.fixture
    async def openai(self, yard: Yard) -> ScriptedProvider:
        openai = yard.provider("openai")
        answers(openai, {"id": "thread_1", "object": "thread"})
        await yard.call("/openai/v1/threads", {})
        return openai

    async def begun(self, yard: Yard, openai: ScriptedProvider) -> None:
        answers(openai, RUN_BEGUN)
        await yard.call(f"{self.THREAD}/runs", {"assistant_id": "asst_1"})
        assert await settled(yard)

    async def asked(self, yard: Yard, path: str, openai: ScriptedProvider, told: object) -> None:
        answers(openai, told)
        assert (await yard.get(f"{self.THREAD}{path}")).json == told
        assert await settled(yard)

    def used(self, yard: Yard) -> list[tuple[str, int, int, int]]:
        told = [(call.exchange.kind, call.exchange.usage) for call in yard.calls]
        return [
            (kind, usage.prompt, usage.in_cached, usage.completion)
            for kind, usage in told
            if usage is not None
        ]

    async def test_a_run_is_counted_once_however_often_it_is_asked_for(
        self, yard: Yard, openai: ScriptedProvider
    ) -> None:
        await self.begun(yard, openai)
        for run in (RUN_BEGUN | {"status": "in_progress"}, RUN_OVER, RUN_OVER, RUN_OVER):
            await self.asked(yard, "/runs/run_1", openai, run)
        assert self.used(yard) == [("chat", 9, 3, 4)]
        (only,) = counted(yard, "chat")
        assert only.received.model == "gpt-x"

    async def test_steps_are_not_counted_besides_their_run(
        self, yard: Yard, openai: ScriptedProvider
    ) -> None:
        await self.begun(yard, openai)
        step = {**RUN_OVER, "object": "thread.run.step", "id": "step_1"}
        await self.asked(yard, "/runs/run_1/steps", openai, {"object": "list", "data": [step]})
        assert not self.used(yard)

    async def test_a_list_of_runs_tells_of_each(self, yard: Yard, openai: ScriptedProvider) -> None:
        await self.begun(yard, openai)
        elsewhere = RUN_OVER | {"id": "run_never_begun_here"}
        told = {"object": "list", "data": [RUN_OVER, elsewhere, "odd", None]}
        for path in ("/runs", "/runs?limit=100", "/runs"):
            await self.asked(yard, path, openai, told)
        await self.asked(yard, "/runs/run_1", openai, RUN_OVER)
        assert self.used(yard) == [("chat", 9, 3, 4)]

    async def test_a_run_that_waits_for_tools_is_counted_when_it_ends(
        self, yard: Yard, openai: ScriptedProvider
    ) -> None:
        await self.begun(yard, openai)
        await self.asked(yard, "/runs/run_1", openai, RUN_BEGUN | {"status": "requires_action"})
        for _ in range(2):
            answers(openai, RUN_OVER)
            path = f"{self.THREAD}/runs/run_1/submit_tool_outputs"
            assert (await yard.call(path, {"tool_outputs": []})).json == RUN_OVER
            assert await settled(yard)
        assert self.used(yard) == [("chat", 9, 3, 4)]

    @pytest.mark.parametrize("below", ["thread_1/runs", "runs"])
    async def test_a_streamed_run_is_counted_at_its_end(
        self, yard: Yard, openai: ScriptedProvider, below: str
    ) -> None:
        path = f"/openai/v1/threads/{below}"
        thread = {"thread_id": "thread_2"}
        step = {**RUN_OVER, "object": "thread.run.step", "id": "step_1"}
        events = [
            ("thread.run.created", RUN_BEGUN | thread),
            ("thread.run.step.completed", step | thread),
            ("thread.run.completed", RUN_OVER | thread),
        ]
        stream = b"".join(
            b"event: %b\ndata: %b\n\n" % (name.encode(), json.dumps(said).encode())
            for name, said in events
        )
        stream += b"event: done\ndata: [DONE]\n\n"
        openai.sends(200, {"content-type": "text/event-stream"}, stream)
        assert (await yard.call(path, {"assistant_id": "asst_1", "stream": True})).body == stream
        assert await settled(yard)
        await self.asked(yard, "/runs/run_1", openai, RUN_OVER)
        assert self.used(yard) == [("chat", 9, 3, 4)]
        answers(openai, {"id": "thread_2"})
        heard = await yard.get("/openai/v1/threads/thread_2")
        assert heard.status == (200 if below == "runs" else 404)
