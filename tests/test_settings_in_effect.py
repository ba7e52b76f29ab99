"""What an operator sets takes effect in a whole installation, and what has none is refused."""

from pathlib import Path

import pytest

from stockyard import configured
from stockyard.errors import CannotStart, EgressDenied
from stockyard.process.listening import server_settings_of
from stockyard.settings import load
from stockyard.testing.lane_host import LaneHost, a_request
from stockyard.testing.yard import Yard

TRACES = "/api/lookout/traces"
KEYS = "/api/team/keys"


class TestHardStop:
    def test_ends_what_the_drain_would_wait_for(self, tmp_path: Path) -> None:
        said = {"server.port": 0, "server.drain": "60s", "server.hard_stop": "100ms"}
        with LaneHost(settings=server_settings_of(load(said, {}, tmp_path))) as host:
            with host.client() as client:
                client.send(a_request("POST /call/stream", b"{}"))
                assert host.soon(lambda: host.plane.calls)
                host.stop()
                assert client.answer().body == b"firstserver_shutdown"
            host.join()

    def test_ends_the_wait_for_a_load_balancer_too(self, tmp_path: Path) -> None:
        said = {"server.port": 0, "server.predrain": "60s", "server.hard_stop": "100ms"}
        with LaneHost(settings=server_settings_of(load(said, {}, tmp_path))) as host:
            host.stop()
            host.join()

    def test_that_comes_before_the_end_of_the_drain_is_told_at_the_start(
        self, tmp_path: Path
    ) -> None:
        assert load({"server.drain": "60s"}, {}, tmp_path).warnings == ()
        (told,) = load({"server.drain": "61s"}, {}, tmp_path).warnings
        assert told.startswith("server.hard_stop ends calls before")


class TestReadOnly:
    async def test_refuses_changes_and_nothing_else(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        yard.set("server.read_only", True)
        await yard.open()
        admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
        refused = await yard.call(KEYS, b'{"name": "a"}', headers=admin)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert (await yard.get(KEYS, headers=admin)).status == 200
        assert (await yard.get(KEYS, method="HEAD", headers=admin)).status == 200
        assert (await yard.chat("hi")).text == "hello"


class TestConsoleHosts:
    async def status_under(self, yard: Yard, host: str) -> int:
        async with yard.raw() as client:
            port = yard.url.rpartition(":")[2]
            client.send(f"GET {TRACES} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
            return (await client.answer()).status

    async def test_are_the_names_under_which_the_own_user_may_read(self, yard: Yard) -> None:
        assert await self.status_under(yard, "localhost") == 200
        assert await self.status_under(yard, "127.0.0.1") == 200
        assert await self.status_under(yard, "gateway.test") == 401

    async def test_can_be_others(self, yard: Yard) -> None:
        yard.set("http.console_hosts", ["gateway.test"])
        assert await self.status_under(yard, "gateway.test") == 200
        assert await self.status_under(yard, "localhost") == 401
        assert await self.status_under(yard, "gateway.test.evil.test") == 401


class TestApiBodies:
    async def status_of(self, yard: Yard, size: int) -> int:
        await yard.open()
        admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
        body = b'{"name": "a"}'.ljust(size)
        return (await yard.call(KEYS, body, headers=admin)).status

    async def test_may_be_smaller_than_usual(self, yard: Yard) -> None:
        yard.set("http.max_api_body", "1KiB")
        assert await self.status_of(yard, 1 << 10) == 201
        assert await self.status_of(yard, (1 << 10) + 1) == 413

    async def test_may_be_larger_than_usual(self, yard: Yard) -> None:
        yard.set("http.max_api_body", "6MiB")
        assert await self.status_of(yard, (5 << 20) + 1) == 201


class TestPlainHttp:
    async def allows(self, folder: Path, url: str, **said: object) -> bool:
        settings = load({f"egress.{name}": value for name, value in said.items()}, {}, folder)
        client = configured.client(settings)
        try:
            client.origin(url, purpose="provider", operator=True)
        except EgressDenied:
            return False
        finally:
            await client.close()
        return True

    @pytest.mark.parametrize("opened", ["8.8.4.4", "8.8.4.0/24"])
    async def test_goes_to_public_addresses_that_are_named(
        self, tmp_path: Path, opened: str
    ) -> None:
        assert not await self.allows(tmp_path, "http://8.8.4.4")
        assert await self.allows(tmp_path, "http://8.8.4.4", allow_http=[opened])
        assert not await self.allows(tmp_path, "http://8.8.8.8", allow_http=[opened])
        assert not await self.allows(tmp_path, "http://10.0.0.1", allow_http=["10.0.0.1"])


class TestContentTimeoutsOfOneProvider:
    async def test_hold_until_the_first_content(self, yard: Yard) -> None:
        script = yard.provider("openai", timeout={"first_content": "150ms"}).streams("x")
        script.stalls_after("open")
        answer = await yard.stream("hi")
        assert (answer.status, answer.streamed) == (504, False)
        assert answer.error is not None
        assert answer.error["stockyard"]["timer"] == "timeout.first_content"

    async def test_hold_between_contents(self, yard: Yard) -> None:
        ping = b'event: ping\ndata: {"type": "ping"}\n\n'
        script = yard.provider("anthropic", timeout={"content_idle": "150ms"}).streams("hel", "lo")
        script.repeats(ping, after="first_content", every=0.02)
        answer = await yard.messages("hi", stream=True)
        assert answer.pieces == ["hel"]
        assert not answer.ended

    async def test_do_not_hold_for_others(self, yard: Yard) -> None:
        quick = {"first_content": "30ms", "content_idle": "30ms"}
        yard.provider("openai", timeout=quick)
        yard.provider("anthropic").streams("hel", "lo").slowly(before=0.2, between=0.2)
        answer = await yard.stream("hi", model="anthropic/claude-x")
        assert answer.text == "hello"


NOT_THERE = [
    "server.read_mostly = true",
    "http.json_depth = 8",
    "upstream.max_head = '1KiB'",
    "upstream.max_body = '1KiB'",
    "upstream.max_stream = '1KiB'",
    "upstream.held = '1KiB'",
    "[[providers.a.credentials]]\nname = 'a'\nsecret = 's'\nweight = 2",
]


@pytest.mark.parametrize("text", NOT_THERE)
def test_what_would_have_no_effect_cannot_be_set(tmp_path: Path, text: str) -> None:
    (tmp_path / "stockyard.toml").write_text(text)
    with pytest.raises(CannotStart, match="unknown key"):
        load({}, {}, tmp_path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("http.console_hosts", "localhost:4200"),
        ("http.console_hosts", "http://localhost"),
        ("http.console_hosts", "*"),
        ("http.console_hosts", "::1"),
        ("egress.allow_private", "models.example"),
        ("egress.allow_private", "http://models.example:80"),
        ("egress.allow_private", "10.0.0.1/8"),
        ("egress.allow_http", "models.example:80"),
        ("egress.allow_http", "http://models.example"),
        ("egress.allow_http", "10.0.0.1/8"),
    ],
)
def test_what_could_match_nothing_is_refused(tmp_path: Path, place: str, value: str) -> None:
    with pytest.raises(CannotStart, match=place):
        load({place: [value]}, {}, tmp_path)
