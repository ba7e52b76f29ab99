"""YAML as a config file: the safe part of it only, so that it means the same as TOML.

No tags, no dates, no key twice, and aliases only as far as they cannot blow up. Imported when a
YAML file is read, because PyYAML costs more than the rest of the start.
"""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stockyard.errors import CannotStart

MAX_NODES = 100_000
MAX_DEPTH = 64
PLAIN = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:timestamp",
}


def tables(name: str, text: str) -> dict[str, Any]:
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if getattr(event, "tag", None) and not isinstance(event, yaml.DocumentStartEvent):
                raise refused(name, event.start_mark, "tags are not allowed here")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise refused(name, error.problem_mark, error.problem or "is not valid YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise CannotStart(78, f"{name}: is not valid YAML.") from None
    if root is None:
        return {}
    if not isinstance(root, MappingNode):
        raise refused(name, root.start_mark, "must be a table of sections")
    count_nodes(name, root, {}, set())
    value = plain(name, root)
    assert isinstance(value, dict)  # noqa: S101  a MappingNode becomes a dict
    return value


def positions(text: str) -> dict[tuple[str | int, ...], tuple[int, int]]:
    found: dict[tuple[str | int, ...], tuple[int, int]] = {}

    def walk(node: Node, place: tuple[str | int, ...]) -> None:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                mark = key.start_mark
                found.setdefault((*place, key.value), (mark.line + 1, mark.column + 1))
                walk(value, (*place, key.value))
        elif isinstance(node, SequenceNode):
            for index, value in enumerate(node.value):
                mark = value.start_mark
                found.setdefault((*place, index), (mark.line + 1, mark.column + 1))
                walk(value, (*place, index))

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        walk(root, ())
    return found


def count_nodes(name: str, node: Node, known: dict[int, int], above: set[int]) -> int:
    """How many nodes this one has when its aliases are expanded."""
    if id(node) in above or len(above) > MAX_DEPTH:
        raise refused(name, node.start_mark, "is nested too deeply")
    if id(node) in known:
        return known[id(node)]
    children = []
    if isinstance(node, MappingNode):
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, SequenceNode):
        children = node.value
    inside = {*above, id(node)}
    total = 1 + sum(count_nodes(name, child, known, inside) for child in children)
    if total > MAX_NODES:
        raise refused(name, node.start_mark, "aliases stand for too much")
    known[id(node)] = total
    return total


def plain(name: str, node: Node) -> Any:
    if isinstance(node, MappingNode):
        table: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.value in table:
                raise refused(name, key.start_mark, "must be a name that stands here only once")
            table[key.value] = plain(name, value)
        return table
    if isinstance(node, SequenceNode):
        return [plain(name, item) for item in node.value]
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value
    if node.tag == "tag:yaml.org,2002:null":
        raise refused(name, node.start_mark, "has no value: write one, or take the key out")
    if node.tag not in PLAIN:
        raise refused(name, node.start_mark, "must be a text, a number, true or false")
    return yaml.constructor.SafeConstructor().construct_object(node)


def refused(name: str, mark: Any, what: str) -> CannotStart:
    where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
    return CannotStart(78, f"{name}{where} {what}.")
