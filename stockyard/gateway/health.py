"""Health probes: whether the process is alive and should get traffic.

Probes are answered by the lane itself, from memory and before any limit: a probe must not fail
because the gateway is busy, and must never cause a call to a provider or the database.
"""

from msgspec import json

from stockyard.gateway.contract import Whole
from stockyard.gateway.http import field_lines

FIELDS = field_lines([(b"content-type", b"application/json"), (b"cache-control", b"no-store")])


class Health:
    """What `/livez`, `/readyz` and `/health` answer. Starts as `starting`."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._answers: dict[str, Whole] = {}
        self.state = ""
        self.not_ready("starting")

    def ready(self, *reasons: str) -> None:
        """Traffic may come; with reasons (`reliability.md` 8) the state is `degraded`."""
        self._tell(200, "degraded" if reasons else "ok", reasons)

    def not_ready(self, state: str, *reasons: str) -> None:
        """Traffic should go elsewhere: `starting`, `draining`, or a state of `reliability.md` 8."""
        self._tell(503, state, reasons or (state,))

    def answer(self, path: str) -> Whole | None:
        """The answer to a probe; None when the path is not one."""
        return self._answers.get(path)

    def _tell(self, status: int, state: str, reasons: tuple[str, ...]) -> None:
        self.state = state
        draining = state == "draining"
        readiness = {"ok": status == 200, "state": state, "reasons": reasons}
        health = {"status": "draining" if draining else "ok", "version": self._version}
        self._answers = {
            "/livez": Whole(200, FIELDS, b'{"ok":true}'),
            "/readyz": Whole(status, FIELDS, json.encode(readiness)),
            "/health": Whole(503 if draining else 200, FIELDS, json.encode(health)),
        }
