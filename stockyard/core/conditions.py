"""The variables of a call that an operator's conditions can use (`modules.md` 1.5)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.core.messages import Audio, Image
from stockyard.core.ports import Ports
from stockyard.core.request import Content

Values = Mapping[str, Any]


def values_of(x: Exchange, ports: Ports) -> Values:
    """Hours and weekdays (Monday is 0) are in UTC. If the call is not a chat, `text` is its last
    text."""
    caller, meaning = x.caller, x.request.meaning
    content = meaning if isinstance(meaning, Content) else Content()
    asked = [message.text for message in content.messages if message.role == "user"]
    texts = list(x.request.texts())
    parts = {type(part) for message in content.messages for part in message.parts}
    now = datetime.fromtimestamp(ports.now(), UTC)
    return {
        "model": x.request.model,
        "provider": x.targets[0].provider if x.targets else "",
        "team": caller.team_id,
        "key": caller.key_name,
        "project": caller.project,
        "user": x.user,
        "app": caller.app,
        "tags": x.tags,
        "labels": caller.labels,
        "kind": x.kind,
        "stream": x.request.stream,
        "tokens": sum(map(ports.token_estimate, texts)),
        "turns": len(asked),
        "has_tools": bool(content.tools),
        "has_images": Image in parts,
        "has_audio": Audio in parts,
        "has_schema": content.output is not None and content.output.kind == "json_schema",
        "text": next(reversed(asked if content is meaning else texts), ""),
        "hour": now.hour,
        "weekday": now.weekday(),
    }
