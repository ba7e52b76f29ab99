"""A verb that could not do its work, and the exit code that says so (`api.md` 6)."""

from stockyard.errors import StockyardError

FAILED = 1
WRONG_USE = 2
PARTLY_DONE = 3
UNREACHABLE = 4
REFUSED = 5
CONFLICT = 6


class VerbError(StockyardError):
    """Told in one line."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
