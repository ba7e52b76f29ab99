"""The clients, and which providers stand behind the gateway when they call."""

from dataclasses import dataclass, field
from typing import Literal

Runtime = Literal["python", "node", "agent"]

CHAT, RESPONSES = "openai.chat", "openai.responses"
MESSAGES, GEMINI = "anthropic.messages", "gemini"
ALL = (CHAT, RESPONSES, MESSAGES, GEMINI)
TWO = (CHAT, MESSAGES)


@dataclass(frozen=True)
class Program:
    """A client, as its driver runs it."""

    name: str
    runtime: Runtime
    driver: str
    speaks: str
    """The format it speaks to the gateway."""
    upstreams: tuple[str, ...] = TWO
    arguments: tuple[str, ...] = ()
    package: str = ""
    """Where its version stands; the name of the program, if empty."""
    excused: dict[str, str] = field(default_factory=dict)
    """Scenarios that mean nothing for it, and why."""
    native: str = ""
    """The provider whose native route it calls."""

    @property
    def installed_as(self) -> str:
        return self.package or self.name


PROGRAMS = (
    Program("openai (chat)", "python", "openai_chat", CHAT, ALL, package="openai"),
    Program("openai (responses)", "python", "openai_responses", RESPONSES, ALL, package="openai"),
    Program("anthropic", "python", "anthropic_messages", MESSAGES, ALL),
    Program("google-genai", "python", "google_genai", GEMINI, ALL),
    Program("mistralai", "python", "mistral", CHAT),
    Program("cohere", "python", "cohere_chat", "cohere.chat"),
    Program("groq", "python", "openai_chat", CHAT, (CHAT,), ("groq",), native="groq"),
    Program("ollama", "python", "ollama_chat", "ollama.chat"),
    Program("litellm (openai/)", "python", "litellm_sdk", CHAT, TWO, ("openai",), "litellm"),
    Program(
        "litellm (litellm_proxy/)",
        "python",
        "litellm_sdk",
        CHAT,
        TWO,
        ("litellm_proxy",),
        "litellm",
    ),
    Program(
        "litellm (anthropic/)", "python", "litellm_sdk", MESSAGES, TWO, ("anthropic",), "litellm"
    ),
    Program("litellm (gemini/)", "python", "litellm_sdk", GEMINI, ALL, ("gemini",), "litellm"),
    Program("langchain-openai", "python", "langchain_models", CHAT, TWO, ("openai",)),
    Program(
        "langchain-openai (responses)",
        "python",
        "langchain_models",
        RESPONSES,
        (RESPONSES, MESSAGES),
        ("responses",),
        "langchain-openai",
    ),
    Program("langchain-anthropic", "python", "langchain_models", MESSAGES, TWO, ("anthropic",)),
    Program(
        "pydantic-ai (openai)", "python", "pydantic_agents", CHAT, TWO, ("openai",), "pydantic-ai"
    ),
    Program(
        "pydantic-ai (responses)",
        "python",
        "pydantic_agents",
        RESPONSES,
        (RESPONSES, MESSAGES),
        ("responses",),
        "pydantic-ai",
    ),
    Program(
        "pydantic-ai (anthropic)",
        "python",
        "pydantic_agents",
        MESSAGES,
        TWO,
        ("anthropic",),
        "pydantic-ai",
    ),
    Program(
        "pydantic-ai (google)",
        "python",
        "pydantic_agents",
        GEMINI,
        (GEMINI, CHAT),
        ("google",),
        "pydantic-ai",
    ),
    *(
        Program(
            f"instructor ({mode})", "python", "instructor_models", said, TWO, (mode,), "instructor"
        )
        for mode, said in (
            ("TOOLS", CHAT),
            ("TOOLS_STRICT", CHAT),
            ("JSON", CHAT),
            ("JSON_SCHEMA", CHAT),
            ("MD_JSON", CHAT),
            ("RESPONSES_TOOLS", RESPONSES),
            ("ANTHROPIC_TOOLS", MESSAGES),
            ("ANTHROPIC_JSON", MESSAGES),
        )
    ),
    Program("openai for Node (chat)", "node", "node_openai_chat", CHAT, TWO, package="openai"),
    Program(
        "openai for Node (responses)",
        "node",
        "node_openai_responses",
        RESPONSES,
        (RESPONSES, MESSAGES),
        package="openai",
    ),
    Program(
        "anthropic for Node", "node", "node_anthropic", MESSAGES, TWO, package="@anthropic-ai/sdk"
    ),
    Program(
        "@google/genai",
        "node",
        "node_google_genai",
        GEMINI,
        (GEMINI, CHAT),
        package="@google/genai",
    ),
    *(
        Program(f"Vercel AI SDK ({kind})", "node", "node_vercel", said, behind, (kind,), "ai")
        for kind, said, behind in (
            ("responses", RESPONSES, (RESPONSES, MESSAGES)),
            ("chat", CHAT, TWO),
            ("compatible", CHAT, TWO),
            ("anthropic", MESSAGES, TWO),
            ("google", GEMINI, (GEMINI, CHAT)),
        )
    ),
)
