"""The Port `models`: asks whichever Directory is in use."""

from collections.abc import Callable

from stockyard.core.offer import Offer
from stockyard.core.target import Target
from stockyard.providers.directory import Directory


class CurrentModels:
    """Modules keep their Ports for life, while Directories are replaced."""

    def __init__(self, directory: Callable[[], Directory]) -> None:
        self._directory = directory

    def targets(self, model: str, kind: str) -> tuple[Target, ...]:
        return self._directory().targets(model, kind)

    def elsewhere(self, target: Target, kind: str) -> tuple[Target, ...]:
        return self._directory().elsewhere(target, kind)

    def has_provider(self, name: str) -> bool:
        return self._directory().has_provider(name)

    def offer(self, target: Target) -> Offer | None:
        return self._directory().offer(target)
