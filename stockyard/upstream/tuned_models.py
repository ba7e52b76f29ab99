"""Models that a team tuned through us: other teams cannot call them by name.

A model behind an alias of the operator's is for everybody, and a model that was tuned past us
belongs to the account (`docs/decisions/0011`). Models in the price list were not tuned by a team,
so only calls of other models are checked.
"""

from collections.abc import Callable

from stockyard.core.exchange import Exchange
from stockyard.core.target import Target
from stockyard.errors import Refused
from stockyard.wire.resource_names import last_two

IsOthers = Callable[[str, str], bool]
"""(team, name) -> whether another team created the thing of this name, and this team did not."""
LONGEST_NAME = 128
"""Characters of a model's name in an error message."""


def of_nobody(team_id: str, name: str) -> bool:
    """For a dispatch without a record of what teams created."""
    return False


def check(x: Exchange, target: Target, is_others: IsOthers) -> None:
    """Raises Refused (404), as for an unknown model."""
    said, model, team = x.received.model, target.model, x.caller.team_id
    if said not in (model, f"{target.provider}/{model}"):
        return
    if is_others(team, last_two(model)):
        message = f"No enabled provider serves '{said[:LONGEST_NAME]}'."
        raise Refused(404, "model_not_found", message, param="model")
