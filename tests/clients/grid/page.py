"""The grid as a page: which client does what, over which provider, and why not.

`make clients` plays everything and keeps it in `docs/clients.md`.
"""

from collections.abc import Iterable, Mapping

from tests.clients.grid.harness import Outcome
from tests.clients.grid.place import version
from tests.clients.grid.programs import PROGRAMS, Program, Runtime
from tests.clients.grid.scenarios import SCENARIOS

Played = Mapping[tuple[str, str], Mapping[str, Outcome]]
"""Client and format of the provider -> outcomes by scenario."""

RUNTIMES: Mapping[Runtime, str] = {
    "python": "Python",
    "node": "Node",
    "go": "Go",
    "java": "Java",
    "agent": "Command line",
}

OPENING = """# Clients

Written by `make clients`: real programs, changed in nothing but base URL and key, call a running
gateway. Behind it stands a provider that plays along, on a real socket, in the format named in the
second column. Where client and provider speak the same format the bytes pass; elsewhere they are
translated. A dash means that the client has nothing of the kind, or a fault of its own that is told
of below.

The clients that `make test` runs are in `tests/clients`; this is the wide grid, in
`tests/clients/grid`.
"""

KNOWN = """## What to know

- **Mistral's libraries** (Python and Node) take a streamed tool call in one piece only, as Mistral
  itself sends it. Other providers send pieces. With the base URL `.../mistral` they hear Mistral's
  own bytes. So does Vercel's library for xAI, of xAI and `.../xai/v1`.
- **Mistral's libraries, Vercel's for Mistral, Groq, Cerebras and Perplexity, and LiteLLM's
  `mistral/`** do not ask how many tokens a stream took, and OpenAI's format tells nobody who does
  not ask. On the provider's own route they hear what it tells.
- **LiteLLM's `cohere_chat/`** cannot read the server-sent events in which Cohere and the gateway
  stream, and asks for structured output in OpenAI's words, which Cohere's format does not have.
  **Its `ollama_chat/`** takes two tool calls of a stream for one where they come in lines of their
  own, as Ollama sends them. `openai/` and `litellm_proxy/` do all of it, with any provider.
- **Anthropic's library in Bedrock's mode** hears errors with Bedrock's statuses: 403 for a wrong
  Key, and 424 where a provider failed.
- **Cerebras's library** wants a `system_fingerprint` in each piece of a stream. Not all providers
  send one, but Cerebras does: `.../cerebras`.
- **Cohere's libraries** have no word for an error inside a stream. A stream that breaks ends with
  the finish `ERROR`.
- **Vercel's `openai()`** refers to earlier items by the ids under which OpenAI keeps them. Behind
  any other format tell it not to: `providerOptions: { openai: { store: false } }`.
- **Google's library for Java** hands out each piece of a stream when the next has come. Where a
  stream breaks it says that it could not read on, and not what it was told.
- **Java's own HTTP client** (LangChain4j's) offers HTTP/2 with every call that is not encrypted.
  The offer is ignored, and the connection ends with the answer. `HttpClient.Version.HTTP_1_1` makes
  no offer and keeps it.
- **Claude Code** asks again, without streaming, when a stream breaks: that is a second call.
- **Anthropic's runners of tools** ask the provider to keep the conversation (`thread`), are told
  that no provider does so through the gateway, and send the whole of it from then on.
- **LangChain4j's OpenAI model, Spring AI's OpenAI and Anthropic models, and LangChain's Mistral
  model** overlook an error inside a stream: to them a stream that breaks is a short answer.
- **Some libraries for Messages** (Anthropic's own of 2024, Vercel's before 6, Spring AI's) take the
  tokens of the prompt from the first event of a stream. Where the provider speaks another format it
  has not told them by then: they are an estimate. The books have what it told at the end.
- **AWS's SDK for JavaScript** speaks HTTP/2 to Bedrock. Give its client
  `requestHandler: new NodeHttpHandler()`.
- **Realtime sessions** hear of a refused answer (a limit, say) in an `error` event that names the
  event which asked for it, and live on. They are closed with 4401 when the Key is revoked, with
  4408 after `timeout.session` or `timeout.session_idle`, with 1012 when the gateway stops, with
  1011 when the provider is gone or breaks the protocol, with 1009 after a message of more than
  16 MiB; and else with what the other side said.
- **OpenAI's realtime for Node** opens `wss://` whatever the base URL says: give the gateway a
  certificate (`--tls-cert`).
- **LlamaIndex's `OpenAI`** knows the names of OpenAI's models only; `OpenAILike` takes any.

Played once by hand, with some or most of the scenarios above and nothing changed but base URL and
key, and not part of the grid: Spring AI 1.1 (Java); async-openai 0.30 and genai 0.7 (Rust);
openai-agents (Python and Node), LlamaIndex, Haystack, AutoGen, Semantic Kernel, DSPy, smolagents,
huggingface_hub, magentic, any-llm, CrewAI, Agno, Strands, Outlines, Google's ADK; LangChain with
Mistral, Cohere, Groq, DeepSeek and xAI; the libraries of Together, Fireworks, Perplexity and
Cerebras; Vercel's AI SDK 7 with its libraries for OpenAI, Anthropic, Google, Azure, Bedrock,
Cohere, Mistral, Groq, xAI, DeepSeek, Together, Fireworks, Perplexity and Cerebras; for Node
LangChain, LlamaIndex, instructor, Genkit, Mastra and the libraries of Together and Hugging Face;
`llm`, Aider, Pi, OpenCode, Qwen Code, Continue and the Claude Agent SDK.

And, of those in the grid, older versions: for Python openai 1.3, 1.40, 1.99 and 2.8, anthropic
0.34, 0.64 and 0.77, google-genai 1.30 and 1.60, groq 0.4 to 1.0, cohere 5.11 to 5.20, ollama 0.3 to
0.6, litellm 1.53 and 1.75, pydantic-ai 0.4 and 1.0, langchain-openai 0.1, 0.3 and 1.1 and
langchain-anthropic of the same years; for Node openai 3, 4 and 5, @anthropic-ai/sdk 0.27 and 0.60,
@google/genai 1.20 and Vercel's AI SDK 4 and 5.
"""


def page(played: Played) -> str:
    return "\n".join([OPENING, *_table(played), *_versions(), KNOWN])


def failures(played: Played) -> list[str]:
    return [
        f"{client} over {upstream}: {scenario}: {outcome.wrong}"
        for (client, upstream), outcomes in played.items()
        for scenario, outcome in outcomes.items()
        if outcome.wrong is not None
    ]


def _table(played: Played) -> Iterable[str]:
    titles = [scenario.title for scenario in SCENARIOS]
    yield _line("client", "provider", *titles)
    yield _line("---", "---", *[":-:"] * len(titles))
    for program in PROGRAMS:
        for upstream in program.upstreams:
            outcomes = played.get((program.name, upstream))
            if outcomes is None:
                continue
            cells = [outcomes[scenario.name].word for scenario in SCENARIOS]
            yield _line(program.name, f"`{upstream}`", *cells)
    yield ""


def _versions() -> Iterable[str]:
    yield "## Versions\n"
    for runtime, title in RUNTIMES.items():
        packages = {(p.installed_as, p.place) for p in PROGRAMS if p.runtime == runtime}
        told = {f"{name} {version(runtime, place, name)}" for name, place in packages}
        yield f"- {title}: {', '.join(sorted(told))}"
    yield ""


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def everything() -> Iterable[tuple[Program, str]]:
    return ((program, upstream) for program in PROGRAMS for upstream in program.upstreams)
