"""Earlier turns put into a request: what is changed in its body, and what is left alone."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.ports import Held, KeptAnswer, Unreported
from stockyard.errors import Refused
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.turn import Turn, TurnReader

NAME = "0" * 26
SAID = {"type": "message", "id": f"msg_{NAME}_0", "role": "assistant", "content": "Bonjour."}
ASKED = {"type": "message", "id": f"msg_{NAME}_0i", "role": "user", "content": "hello"}


class Shelf:
    """Keeps one answer of the team `red`, and knows one id and one envelope of its."""

    max_bytes = 1000

    def find(self, team_id: str, id: str) -> Any:
        return {("red", "resp_kept"): self._kept(), ("red", f"resp_{NAME}"): self._kept()}.get(
            (team_id, id)
        )

    def _kept(self) -> KeptAnswer:
        thought = {"type": "reasoning", "id": "rs_1", "summary": []}
        answer = {"id": "resp_kept", "output": [thought, SAID]}
        return KeptAnswer(json.dumps([ASKED]).encode(), json.dumps(answer).encode())

    async def keep(self, team_id: str, id: str, kept: KeptAnswer) -> None:
        raise AssertionError

    async def forget(self, team_id: str, id: str) -> bool:
        raise AssertionError

    def seal(self, team_id: str, text: str) -> str:
        return f"ours.{team_id}.{text}"

    def sealed(self, text: str) -> bool:
        return text.startswith("ours.")

    def open(self, team_id: str, sealed: str) -> str | None:
        _, team, text = sealed.split(".", 2)
        return text if team == team_id else None


class Ids:
    def find(self, team_id: str, id: str) -> Held | None:
        return Held("openai", "c") if (team_id, id) == ("red", "resp_held") else None

    def hold(self, team_id: str, id: str, held: Held) -> None:
        raise AssertionError

    def is_others(self, team_id: str, id: str) -> bool:
        raise AssertionError

    def announce(self, team_id: str, held: Held) -> None:
        raise AssertionError

    def claim(self, team_id: str, id: str) -> Held | None:
        return None


class Owed:
    """Nothing is."""

    def owes(self, team_id: str, id: str) -> bool:
        return False

    async def owe(self, team_id: str, id: str, of: str = "", place: str = "") -> None:
        raise AssertionError

    async def settle(self, team_id: str, id: str) -> bool:
        raise AssertionError

    async def settle_parts(self, team_id: str, id: str, parts: Sequence[str]) -> set[str]:
        raise AssertionError

    async def unreported(self, most: int) -> list[Unreported]:
        raise AssertionError

    async def looked(self, team_id: str, id: str) -> None:
        raise AssertionError


SHELF = Shelf()
KEEPERS = Keepers(Ids(), SHELF, SHELF, Owed())


def read(body: Any, team: str = "red", *, native: str | None = None, strange: bool = False) -> Turn:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TurnReader(KEEPERS, team, native=native, strange=strange).read(raw)


def plain(*items: Any) -> list[Any]:
    """Items as they are sent again."""
    return [{k: v for k, v in item.items() if k != "id"} for item in items]


@pytest.mark.parametrize(
    ("given_input", "sent"),
    [
        ("more", [*plain(ASKED, SAID), {"role": "user", "content": "more"}]),
        (None, plain(ASKED, SAID)),
        ([{"role": "user"}], [*plain(ASKED, SAID), {"role": "user"}]),
        ([{"type": "item_reference", "id": SAID["id"]}], plain(ASKED, SAID)),
    ],
)  # fmt: skip
def test_kept_turns_stand_before_what_is_new(given_input: Any, sent: list[Any]) -> None:
    body = {"model": "m", "previous_response_id": "resp_kept", "input": given_input, "x": 1.0}
    turn = read(body)
    assert json.loads(turn.body) == {"model": "m", "input": sent, "x": 1.0}
    assert json.loads(turn.as_sent) == body
    assert turn.held is None


@pytest.mark.parametrize(
    ("item", "sent"),
    [
        ({"type": "item_reference", "id": SAID["id"]}, plain(SAID)),
        ({"type": "item_reference", "id": ASKED["id"]}, plain(ASKED)),
        (
            {"type": "compaction", "encrypted_content": "ours.red.They met."},
            [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": "Summary of the conversation so far:\n\nThey met.",
                }
            ],
        ),
    ],
)
def test_items_that_stand_for_something_of_ours_are_put_in(item: Any, sent: list[Any]) -> None:
    assert json.loads(read({"model": "m", "input": [item]}).body)["input"] == sent


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_of_a_provider"},
        {"type": "item_reference", "id": f"msg_{NAME}_9"},
        {"type": "item_reference", "id": None},
        {"type": "item_reference"},
        {"type": "compaction", "encrypted_content": "of a provider"},
        {"type": "compaction", "encrypted_content": None},
        {"type": "compaction"},
        "no item",
    ],
)
def test_items_that_are_not_ours_are_left_as_they_came(item: Any) -> None:
    body = json.dumps({"model": "m", "input": [item, "compaction"]}, indent=1).encode()
    assert read(body) == Turn(body, model="m", remembers=True)


def test_turns_that_a_provider_keeps_are_left_to_it() -> None:
    body = {"model": "m", "previous_response_id": "resp_held", "input": "more"}
    turn = read(body)
    assert json.loads(turn.body) == body
    assert (turn.held, turn.named) == (Held("openai", "c"), "previous_response_id")
    assert read(body, native="openai").held == Held("openai", "c")


@pytest.mark.parametrize(
    ("team", "native", "fields", "param"),
    [
        ("red", None, {"previous_response_id": "resp_x"}, "previous_response_id"),
        ("blue", None, {"previous_response_id": "resp_kept"}, "previous_response_id"),
        ("blue", None, {"previous_response_id": "resp_held"}, "previous_response_id"),
        ("red", "openai", {"previous_response_id": "resp_kept"}, "previous_response_id"),
        ("red", "azure", {"previous_response_id": "resp_held"}, "previous_response_id"),
        ("red", None, {"conversation": "conv_x"}, "conversation"),
        (
            "red",
            None,
            {"conversation": "conv_x", "previous_response_id": "resp_held"},
            "conversation",
        ),
        (
            "red",
            None,
            {"conversation": "conv_x", "previous_response_id": "resp_kept"},
            "conversation",
        ),
        ("red", None, {"conversation": {"id": "conv_x"}}, "conversation"),
        (
            "blue",
            None,
            {"input": [{"type": "compaction", "encrypted_content": "ours.red.x"}]},
            "input",
        ),
        ("red", None, {"input": [{"type": "compaction_trigger"}, "x"]}, "input"),
        ("red", None, {"input": [{"type": "compaction_trigger"}] * 2}, "input"),
    ],
)
def test_turns_that_the_team_does_not_have_are_refused(
    team: str, native: str | None, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(Refused) as raised:
        read({"model": "m", "input": "hi", **fields}, team, native=native)
    assert (raised.value.status, raised.value.param) == (400, param)


def test_a_caller_with_a_secret_of_its_own_is_believed_and_nothing_is_kept_for_it() -> None:
    body = {"model": "m", "previous_response_id": "resp_kept", "input": "hi", "store": True}
    turn = read(body, strange=True)
    assert json.loads(turn.body) == body
    assert not turn.remembers
    assert not turn.keeps
    assert "store" not in json.loads(turn.as_sent)


@pytest.mark.parametrize(
    ("store", "size", "remembers", "keeps", "told"),
    [
        (None, 1, True, False, b""),
        (False, 1, False, False, b""),
        (True, 1, True, True, b""),
        (True, 2000, True, False, b"said"),
    ],
)
def test_the_caller_says_whether_an_answer_is_remembered(
    store: bool | None, size: int, remembers: bool, keeps: bool, told: bytes
) -> None:
    turn = read({"model": "m", "input": "x" * size, "store": store})
    assert (turn.remembers, turn.keeps) == (remembers, keeps)
    assert bool(turn.as_sent) == bool(told)


def test_an_object_with_the_same_key_twice_is_refused() -> None:
    with pytest.raises(Refused) as raised:
        read(b'{"previous_response_id":"resp_x","previous_response_\\u0069d":"resp_held"}')
    assert raised.value.code == "json_invalid"


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "role", "content"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.sampled_from(["model", "input", "previous_response_id", "conversation", "store"]), JSONS
)
ITEMS = st.lists(
    JSONS
    | st.sampled_from(
        [
            {"type": "compaction_trigger"},
            {"type": "compaction", "encrypted_content": "ours.red.x"},
            {"type": "item_reference", "id": SAID["id"]},
        ]
    ),
    max_size=4,
)


def read_or_refused(body: Any) -> bytes | int:
    """The body with its turns, or the status of the refusal."""
    try:
        return read(body).body
    except Refused as refused:
        return refused.status


@given(FIELDS, ITEMS, st.booleans())
def test_any_request_is_read_or_refused(
    fields: dict[str, Any], items: list[Any], kept: bool
) -> None:
    body = {**fields, "input": items} if items else fields
    if kept:
        body["previous_response_id"] = "resp_kept"
    made = read_or_refused(body)
    assert made == 400 if isinstance(made, int) else isinstance(json.loads(made), dict)


@given(st.binary(max_size=40))
def test_any_bytes_are_left_to_the_codec(odd: bytes) -> None:
    for body in (odd, b'{"input":[%b"compaction"]}' % odd, b'{"conversation":"%b"}' % odd):
        assert read_or_refused(body) in (body, 400)
