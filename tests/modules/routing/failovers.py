"""Builders for failover."""

from stockyard.core.ports import Ports
from stockyard.core.target import Target
from stockyard.errors import UpstreamError
from stockyard.modules.routing.failover import Config, Failover
from tests.builders import some_ports

DOWN = UpstreamError("provider_fault", "Down.", status=500)


ONE, TWO, THREE = (Target(name, "m") for name in ("one", "two", "three"))


def failover(ports: Ports | None = None, **config: object) -> Failover:
    return Failover(Config(**config), ports or some_ports())  # type: ignore[arg-type]  # options by their names
