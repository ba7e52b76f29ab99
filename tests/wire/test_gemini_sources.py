"""Sources and probabilities of gemini answers become those of other formats, and theirs its own
(`wire.md` 4.5 and 5.1; S30 of `streaming.md`)."""

import json
from typing import Any

import pytest

from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Message, Reasoning, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.gemini import citations

GEMINI, CHAT, RESPONSES = FORMATS["gemini"], FORMATS["openai.chat"], FORMATS["openai.responses"]
NONE: frozenset[str] = frozenset()
PEN = Pen(id="r1", model="m", created=1, wants_usage=True)

SAID = "Grüße: es regnet. Sonst nichts."
STRETCH = "es regnet."
BYTES = (len("Grüße: ".encode()), len(f"Grüße: {STRETCH}".encode()))
PLACE = (SAID.index(STRETCH), SAID.index(STRETCH) + len(STRETCH))
SOURCE = {"uri": "https://example.com/w", "title": "Weather"}
GROUNDING = {
    "webSearchQueries": ["weather"],
    "groundingChunks": [{"web": SOURCE}],
    "groundingSupports": [
        {
            "segment": {"startIndex": BYTES[0], "endIndex": BYTES[1], "text": STRETCH},
            "groundingChunkIndices": [0],
        }
    ],
}
CITATION = {
    "type": "url_citation",
    "url": SOURCE["uri"],
    "title": SOURCE["title"],
    "start_index": PLACE[0],
    "end_index": PLACE[1],
}
TOKENS: dict[str, Any] = {
    "chosenCandidates": [
        {"token": "é", "tokenId": 7, "logProbability": -0.5},
        {"token": "!", "logProbability": -1.0},
    ],
    "topCandidates": [
        {"candidates": [{"token": "é", "tokenId": 7, "logProbability": -0.5}]},
        {"candidates": [{"token": "?", "logProbability": -0.25}]},
    ],
}


def answer(*parts: dict[str, Any], **beside: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    candidate = {"content": content, "finishReason": "STOP", "index": 0, **beside}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1"}


def read(whole: dict[str, Any]) -> Output:
    output = GEMINI.decode_response(json.dumps(whole).encode(), traits=NONE)
    assert isinstance(output, Output)
    return output


def streamed(*chunks: dict[str, Any], codec: Any = GEMINI) -> Output:
    data = b"".join(b"data: " + json.dumps(c).encode() + b"\r\n\r\n" for c in chunks)
    reader = codec.reader(traits=NONE)
    return fold([*reader.feed(data), *reader.end()])[0]


def written(output: Output, codec: Any) -> Any:
    return json.loads(codec.encode_response(Response(output), PEN))


def streamed_by(output: Output, codec: Any) -> bytes:
    writer = codec.writer(PEN)
    sent: bytes = writer.write(list(unfold(output, None))) + writer.end()
    return sent


def texts_of(output: Output) -> list[Text]:
    return [p for p in output.choices[0].message.parts if isinstance(p, Text)]


def test_what_is_grounded_is_cited_by_characters() -> None:
    output = read(
        answer({"text": "Hm.", "thought": True}, {"text": SAID}, groundingMetadata=GROUNDING)
    )

    assert [text.citations for text in texts_of(output)] == [(CITATION,)]
    (annotation,) = written(output, CHAT)["choices"][0]["message"]["annotations"]
    assert annotation == {
        "type": "url_citation",
        "url_citation": {k: v for k, v in CITATION.items() if k != "type"},
    }
    (item,) = [i for i in written(output, RESPONSES)["output"] if i["type"] == "message"]
    assert item["content"][0]["annotations"] == [CITATION]


def test_in_a_stream_too_however_it_is_cut() -> None:
    output = streamed(
        answer({"text": SAID[:4]}),
        answer({"text": SAID[4:]}),
        answer({"text": ""}, groundingMetadata=GROUNDING),
    )

    assert [text.citations for text in texts_of(output)] == [(CITATION,)]
    assert b'"start_index":7' in streamed_by(output, CHAT)


@pytest.mark.parametrize("grounded", [{}, {"groundingMetadata": GROUNDING}])
def test_this_format_says_its_sources_again_as_it_did(grounded: dict[str, Any]) -> None:
    recited = {"citations": [{}, {"uri": "https://recited.test/"}]}
    whole = answer({"text": SAID}, **grounded, citationMetadata=recited)

    for again in (
        written(read(whole), GEMINI),
        json.loads(streamed_by(streamed(whole), GEMINI).split(b"data: ")[-1]),
    ):
        assert again["candidates"][0].get("groundingMetadata") == grounded.get("groundingMetadata")
        assert again["candidates"][0]["citationMetadata"] == recited


@pytest.mark.parametrize("key", ["citationSources", "citations"])
def test_what_is_recited_is_cited(key: str) -> None:
    source = {"startIndex": BYTES[0], "endIndex": BYTES[1], "uri": SOURCE["uri"], "license": "mit"}

    output = read(answer({"text": SAID}, citationMetadata={key: [source]}))

    assert texts_of(output)[0].citations == (CITATION | {"title": SOURCE["uri"]},)


def test_sources_that_support_nothing_are_named_all_the_same() -> None:
    output = read(
        answer({"text": "a"}, groundingMetadata={"groundingChunks": [{"web": SOURCE}, {}]})
    )

    assert texts_of(output)[0].citations == (CITATION | {"start_index": 0, "end_index": 0},)


@pytest.mark.parametrize(
    "odd",
    [
        {"groundingChunks": 5, "groundingSupports": [5, {"groundingChunkIndices": [9, "x"]}]},
        {"groundingChunks": [{"web": {"uri": 5}}], "groundingSupports": [{"segment": 5}]},
        {
            "groundingChunks": [{"web": SOURCE}],
            "groundingSupports": [{"segment": {"endIndex": -1}}],
        },
        "odd",
    ],
)
def test_odd_sources_hurt_nobody(odd: Any) -> None:
    output = read(answer({"text": "a"}, groundingMetadata=odd))

    assert texts_of(output)[0].text == "a"
    assert texts_of(output)[0].citations == ()


def test_what_others_cite_is_grounded() -> None:
    web = {"type": "web_search_result_location", "url": "https://other.test/", "cited_text": "x"}
    message = Message(
        role="assistant",
        parts=(
            Reasoning(text="Hm.", made_by="gemini"),
            Text(text=SAID, citations=(CITATION, {"type": "char_location"})),
            Text(text="So.", citations=(web,)),
        ),
    )
    output = Output(model="m", choices=(Choice(message=message, finish="stop"),))

    grounding = written(output, GEMINI)["candidates"][0]["groundingMetadata"]

    assert grounding["groundingChunks"] == [
        {"web": SOURCE},
        {"web": {"uri": web["url"], "title": web["url"]}},
    ]
    first, second = grounding["groundingSupports"]
    own = GROUNDING["groundingSupports"][0]["segment"]  # type: ignore[index]  # an object
    assert first == {"segment": {"partIndex": 1, **own}, "groundingChunkIndices": [0]}
    assert second["segment"] == {"partIndex": 2, "startIndex": 0, "endIndex": 3, "text": "So."}
    last = json.loads(streamed_by(output, GEMINI).split(b"data: ")[-1])
    assert (
        last["candidates"][0]["groundingMetadata"]["groundingChunks"]
        == (grounding["groundingChunks"])
    )


def test_s30_probabilities_are_told_to_chat_clients() -> None:
    output = read(answer({"text": "é!"}, avgLogprobs=-0.75, logprobsResult=TOKENS))

    first, second = written(output, CHAT)["choices"][0]["logprobs"]["content"]
    assert (first["token"], first["logprob"], first["bytes"]) == ("é", -0.5, [195, 169])
    assert [t["token"] for t in second["top_logprobs"]] == ["?"]
    assert written(output, GEMINI)["candidates"][0]["logprobsResult"] == TOKENS
    assert written(output, GEMINI)["candidates"][0]["avgLogprobs"] == -0.75


def test_s30_probabilities_of_a_stream_are_joined() -> None:
    def piece(i: int) -> dict[str, Any]:
        return {name: said[i : i + 1] for name, said in TOKENS.items()}

    output = streamed(
        answer({"text": "é"}, logprobsResult=piece(0)),
        answer({"text": "!"}, logprobsResult=piece(1)),
    )

    assert [e["token"] for e in output.choices[0].logprobs["content"]] == ["é", "!"]
    again = streamed_by(output, GEMINI)
    assert b'"token":"!"' in again
    documents = [json.loads(d) for d in again.split(b"data: ")[1:]]
    assert streamed(*documents).choices[0].logprobs == output.choices[0].logprobs


@pytest.mark.parametrize("odd", [5, {}, {"chosenCandidates": [5, {"token": 5}]}])
def test_odd_probabilities_are_none(odd: Any) -> None:
    assert read(answer({"text": "a"}, logprobsResult=odd)).choices[0].logprobs is None


def test_probabilities_of_others_are_told_to_clients_of_this_format() -> None:
    content = [{"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}, {"odd": 1}]
    choice = Choice(
        message=Message(role="assistant", parts=(Text(text="a"),)),
        finish="stop",
        logprobs={"content": content},
    )

    (candidate,) = written(Output(choices=(choice,)), GEMINI)["candidates"]

    assert candidate["logprobsResult"]["chosenCandidates"] == [{"token": "a", "logProbability": -1}]


def test_no_more_citations_are_read_than_a_real_answer_has() -> None:
    support = {"segment": {"endIndex": 1}, "groundingChunkIndices": [0] * 1000}
    grounding = {"groundingChunks": [{"web": {"uri": "https://a.test"}}]}
    candidate = {"groundingMetadata": {**grounding, "groundingSupports": [support] * 1000}}
    assert sum(1 for _ in citations.read_citations(candidate, ["a"])) == citations.MAX_CITATIONS


def test_segments_are_not_searched_for_in_texts_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(citations, "MAX_COMPARED", 10)
    support = {"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}
    grounding = {"groundingChunks": [{"web": {"uri": "https://a.test"}}]}
    candidate = {"groundingMetadata": {**grounding, "groundingSupports": [support] * 5}}
    found = [cited.text for cited in citations.read_citations(candidate, ["a"] * 3 + ["ab"])]
    assert found == [3, 3, 0, 0, 0]


@pytest.mark.parametrize("text", ["a" * 10_000, "aé€😀" * 3000])
def test_places_in_long_texts_are_counted_in_characters(text: str) -> None:
    grounding = {"groundingChunks": [{"web": {"uri": "https://a.test"}}]}
    for start, end in ((0, 1), (3, 4), (1000, 5000), (4096, 9999)):
        segment = {
            "startIndex": len(text[:start].encode()),
            "endIndex": len(text[:end].encode()),
            "text": text[start:end],
        }
        supports = [{"segment": segment, "groundingChunkIndices": [0]}]
        candidate = {"groundingMetadata": {**grounding, "groundingSupports": supports}}
        (cited,) = citations.read_citations(candidate, ["b", text])
        assert (cited.text, cited.value["start_index"], cited.value["end_index"]) == (1, start, end)


def test_the_words_of_many_long_segments_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citations, "MAX_SEGMENTS", 1000)
    cited = [{"type": "url_citation", "url": f"https://{n}.test", "title": ""} for n in range(100)]
    grounding = citations.write_grounding([citations.CitingText(0, "x" * 100, cited)])
    assert grounding is not None
    assert len(grounding["groundingSupports"]) == 10
    assert len(grounding["groundingChunks"]) == 100
