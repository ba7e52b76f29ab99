"""The process around the lanes: starting, TLS, and stopping without losing an answer."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stockyard.errors import CannotStart
from stockyard.gateway.front import Front
from stockyard.gateway.health import Health
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.server import Server, ServerSettings, Tls, bind, connections_allowed
from stockyard.testing.lane_host import Client, LaneHost, ScriptedPlane, a_request

PROGRAM = """
import sys
from stockyard.gateway.front import Front
from stockyard.gateway.health import Health
from stockyard.gateway.server import Server, ServerSettings, bind
from stockyard.testing.lane_host import ScriptedPlane
plane, health = ScriptedPlane(), Health("1")
health.ready()
settings = ServerSettings(port=0, drain_s=float(sys.argv[1]), fast_stop_s=0.3)
listening = bind(settings)
print(listening.getsockname()[1], flush=True)
Server(Front(plane, health), lambda: plane.app, settings, listening).run()
print("stopped", flush=True)
"""


class TestStarting:
    def test_a_taken_port_is_said_with_its_exit_code(self) -> None:
        with bind(ServerSettings(port=0)) as taken:
            with pytest.raises(CannotStart) as failed:
                bind(ServerSettings(port=taken.getsockname()[1]))
            assert failed.value.exit_code == 69

    @pytest.mark.parametrize(("host", "code"), [("not an address", 78), ("203.0.113.1", 69)])
    def test_a_bad_address_is_said_with_its_exit_code(self, host: str, code: int) -> None:
        with pytest.raises(CannotStart) as failed:
            bind(ServerSettings(host=host, port=0))
        assert failed.value.exit_code == code

    def test_a_certificate_that_cannot_be_used_is_said_with_its_exit_code(
        self, tmp_path: Path
    ) -> None:
        tls = Tls(certificate=tmp_path / "none", key=tmp_path / "none")
        settings = ServerSettings(port=0, tls=tls)
        with bind(settings) as listening, pytest.raises(CannotStart) as failed:
            Server(Front(ScriptedPlane(), Health("1")), lambda: None, settings, listening)  # type: ignore[arg-type,return-value]
        assert failed.value.exit_code == 78

    def test_connections_are_never_more_than_the_system_has_files_for(self) -> None:
        assert connections_allowed(5) == 5
        assert 1 <= connections_allowed(10**9) < 10**9

    def test_nothing_heavy_is_loaded_before_listening(self) -> None:
        code = "import stockyard.gateway.server, sys; print(*sys.modules)"
        loaded = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        heavy = {"litestar", "cryptography", "websockets", "httpx", "yaml", "jsonschema_rs", "rich"}
        assert not heavy & set(loaded)

    def test_calls_are_answered_while_the_control_plane_is_still_loading(self) -> None:
        loading = threading.Event()
        host = LaneHost(loading=lambda: loading.wait(5))
        with host, host.client() as client, host.client() as waiting:
            waiting.send(a_request("GET /page"))
            client.send(a_request("POST /call/whole", b"x"))
            assert client.answer().body == b"x"
            loading.set()
            assert waiting.answer().body == b"GET /page "

    def test_the_control_plane_is_loaded_without_being_asked_for(self) -> None:
        loaded = threading.Event()
        host = LaneHost(loading=loaded.set)
        with host, host.client() as client:
            client.send(a_request("POST /call/whole", b"x"))
            assert client.answer().body == b"x"
            assert loaded.wait(5)

    def test_a_page_does_not_wait_for_the_first_calls_to_have_had_their_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stockyard.gateway.late_app.HEAD_START_S", 60)
        settings = ServerSettings(port=0, drain_s=0, fast_stop_s=0.1, app_patience_s=2)
        host = LaneHost(settings=settings)
        with host, host.client() as client:
            client.send(a_request("GET /page"))
            assert client.answer().body == b"GET /page "

    def test_a_page_waits_so_long_for_the_control_plane_and_no_longer(self) -> None:
        settings = ServerSettings(port=0, drain_s=0, fast_stop_s=0.1, app_patience_s=0.05)
        loading = threading.Event()
        host = LaneHost(settings=settings, loading=lambda: loading.wait(5))
        with host, host.client() as client:
            client.send(a_request("GET /page"))
            answer = client.answer()
            assert answer.status == 503
            assert b'"code":"starting"' in answer.body
            assert answer.fields["content-type"] == "application/problem+json"
            loading.set()

    def test_a_control_plane_that_cannot_be_built_stops_the_process(self) -> None:
        def build() -> None:
            raise LookupError("no such table")

        settings = ServerSettings(port=0, drain_s=0)
        listening = bind(settings)
        front = Front(ScriptedPlane(), Health("1"))
        server = Server(front, build, settings, listening)  # type: ignore[arg-type]  # a build that fails
        with pytest.raises(LookupError, match="no such table"):
            server.run()


class TestProbes:
    @pytest.mark.parametrize(
        ("state", "path", "status"),
        [
            ("starting", "/livez", 200),
            ("starting", "/readyz", 503),
            ("starting", "/health", 200),
            ("ok", "/readyz", 200),
            ("degraded", "/readyz", 200),
            ("draining", "/livez", 200),
            ("draining", "/readyz", 503),
            ("draining", "/health", 503),
        ],
    )
    def test_probes_are_answered_from_memory(self, state: str, path: str, status: int) -> None:
        health = Health("1.2.3")
        if state == "ok":
            health.ready()
        elif state == "degraded":
            health.ready("disk_low")
        else:
            health.not_ready(state)
        answer = health.answer(path)
        assert answer is not None
        assert answer.status == status

    def test_probes_tell_the_version_and_the_state(self) -> None:
        with LaneHost() as host, host.client() as client:
            client.send(a_request("GET /health") + a_request("GET /readyz"))
            assert client.answer().body == b'{"status":"ok","version":"1.2.3"}'
            assert client.answer().body == b'{"ok":true,"state":"ok","reasons":[]}'


class TestStopping:
    def test_running_calls_finish_and_idle_connections_close(self) -> None:
        settings = ServerSettings(port=0, drain_s=5)
        with LaneHost(settings=settings) as host, host.client() as busy, host.client() as idle:
            idle.send(a_request("GET /page"))
            assert idle.answer().status == 200
            busy.send(a_request("POST /call/stream", b"{}"))
            assert host.soon(lambda: host.plane.calls)
            host.stop()
            assert idle.closed_by_server()
            with pytest.raises(OSError, match="refused"), host.client():
                pass
            call = host.plane.calls[0]
            host.do(lambda: call.reply.finish(b" and last"))
            assert busy.answer().body == b"first and last"
            assert busy.closed_by_server()
            host.join()
            assert call.told == []

    def test_a_call_that_outlasts_the_drain_time_is_ended_in_its_own_words(self) -> None:
        settings = ServerSettings(port=0, drain_s=0.05)
        with LaneHost(settings=settings) as host, host.client() as client:
            client.send(a_request("POST /call/stream", b"{}"))
            assert host.soon(lambda: host.plane.calls)
            host.stop()
            assert client.answer().body == b"firstserver_shutdown"
            host.join()
            assert host.plane.calls[0].told == ["shutdown"]

    def test_a_call_that_will_not_end_is_broken_off(self) -> None:
        with LaneHost() as host, host.client() as client, host.client() as other:
            client.send(a_request("GET /never"))
            other.send(a_request("POST /call/slow", b"{}"))
            assert host.soon(lambda: host.plane.calls and host.plane.requests)
            host.plane.calls[0].shutdown = lambda: None  # type: ignore[method-assign]  # a call that does not hear of it
            host.stop()
            assert client.closed_by_server()
            assert other.closed_by_server()
            host.join()
            assert host.plane.calls[0].told == ["gone"]

    @pytest.mark.parametrize(
        ("line", "status"),
        [("POST /call/whole", 503), ("GET /page", 503), ("GET /readyz", 503), ("GET /livez", 200)],
    )
    def test_requests_during_the_drain_are_refused_unless_they_are_probes(
        self, line: str, status: int
    ) -> None:
        request = a_request(line)
        with LaneHost() as host, host.client() as client:
            client.send(request)
            client.answer()
            host.plane.calls.clear()
            host.plane.requests.clear()
            client.send(request[:10])
            assert host.soon(lambda: any(lane._ahead for lane in host.front.lanes))
            host.do(host.front.drain)
            client.send(request[10:])
            answer = client.answer()
            assert answer.status == status
            assert answer.fields["connection"] == "close"
            assert client.closed_by_server()
            assert not host.plane.calls
            assert not host.plane.requests

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_the_process_with_exit_code_0(self, number: signal.Signals) -> None:
        with program(drain_s=5) as (process, port):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connected:
                client = Client(connected)
                client.send(a_request("GET /page"))
                assert client.answer().status == 200
                process.send_signal(number)
                assert client.closed_by_server()
            assert process.wait(5) == 0
            assert process.stdout is not None
            assert process.stdout.read() == "stopped\n"

    def test_a_second_signal_is_in_a_hurry(self) -> None:
        with program(drain_s=60) as (process, port):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connected:
                client = Client(connected)
                client.send(a_request("POST /call/stream", b"{}"))
                client.until(b"first\r\n")
                process.terminate()
                time.sleep(0.1)
                process.terminate()
                assert client.until(b"server_shutdown\r\n0\r\n\r\n")
            assert process.wait(5) == 0


class program:  # noqa: N801  reads as a function
    """A process of its own, as only one can be sent signals."""

    def __init__(self, drain_s: float) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-c", PROGRAM, str(drain_s)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def __enter__(self) -> tuple[subprocess.Popen[str], int]:
        assert self._process.stdout is not None
        return self._process, int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class TestTls:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> ServerSettings:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gw.test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (tmp_path / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        tls = Tls(
            certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem", handshake_timeout_s=0.2
        )
        return ServerSettings(port=0, drain_s=0, fast_stop_s=0.5, tls=tls)

    def test_both_planes_are_served(self, settings: ServerSettings) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with LaneHost(settings=settings) as host, host.client() as plain:
            client = Client(context.wrap_socket(plain.socket))
            client.send(a_request("POST /call/whole", b"x" * 100_000) + a_request("GET /pieces"))
            assert client.answer().body == b"x" * 100_000
            assert client.answer().body == b"GET /pieces !!!!!!!!!!"
            client.send(a_request("BREW /pot"))
            assert client.answer().status == 405
            assert client.closed_by_server()
            client.socket.close()

    def test_a_handshake_that_never_comes_is_not_waited_for(self, settings: ServerSettings) -> None:
        limits = HttpLimits(tick_s=0.02)
        with LaneHost(limits, settings) as host, host.client() as client:
            assert client.closed_by_server()
