"""What every module must be, whatever it does."""

import inspect
import re
import sys
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest

import stockyard.modules
from stockyard.core.kind import ALL_KINDS
from stockyard.core.module import AnyModule, Fails, Module, Stage, Streaming, Toggle
from stockyard.errors import InvalidConfig
from stockyard.gateway.line import config_class, read_config
from stockyard.modules import ALIASES, CATALOG
from tests.builders import TableOfModels, some_ports

ORDER = """
tracelink responseheaders keepalive compliancelog logging llmtap streamsnap alertpulse
driftwatch diffprompt mirrortest devproxy ipfence tenantwall idempotency agentguard idlekill
ratelimit modelalias autotag promptpad approvalgate chatmem memoryinject contextpack langbridge
voicebridge imageproxy promptslim promptlint tokentrim secretscan promptguard maskmode toolguard
firewall trust_enforce guardrail toxicfilter agegate codefence modelswitch smartroute abrouter
tierdrop localsync regionroute cacheaffinity contextwindow outputcap costwarn billingmeter
usagepulse tokenmarket burnrate caps spend cache embedcache singleflight hallucicheck evalgate
schemaguard consensus multicall streamresume contextfallback failover hedge retrypilot
priorityqueue keypool anthrofit geminishim recorder mockllm chainforge cronllm webhookrelay
llmbench feedbackloop trainexport synthgen billsync encryptvault whitelabel llmsync clustermode
batchqueue dryrun
""".split()
"""The one order in which modules run."""

SECTIONS = ("Why", "Example", "Caller sees")
HOOKS = ("on_request", "around", "on_chunk", "on_response", "on_error", "on_head")


def ports() -> Any:
    return some_ports(models=TableOfModels(m=["openai", "anthropic"]))


def docs_of(cls: type[Toggle[Any]]) -> str:
    return inspect.getdoc(sys.modules[cls.__module__]) or ""


def section(docs: str, name: str) -> str:
    found = re.search(rf"^{name}\n((?:    .*\n?|\n)+)", docs, re.MULTILINE)
    return dedent(found[1]) if found else ""


def schema_of(cls: type[Toggle[Any]]) -> dict[str, Any]:
    return msgspec.json.schema(config_class(cls))


def options(cls: type[Toggle[Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Every option of a Config and of the rows within it."""
    schema = schema_of(cls)
    return [
        (f"{name}.{option}", described)
        for name, definition in schema.get("$defs", {}).items()
        for option, described in definition.get("properties", {}).items()
    ]


def built(cls: type[AnyModule], **config: Any) -> AnyModule:
    return cls(read_config(cls, config), ports())


every_module = pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.name)


@every_module
def test_is_named_after_its_file_and_its_folder(cls: type[AnyModule]) -> None:
    file = Path(inspect.getfile(cls))
    assert (file.parent.name, file.stem) == (cls.category, cls.name)


@every_module
def test_works_without_configuration(cls: type[AnyModule]) -> None:
    module = built(cls)
    assert isinstance(module.idle(), bool)


@every_module
def test_says_what_it_is(cls: type[AnyModule]) -> None:
    module = built(cls)
    assert cls.stage in Stage
    assert module.streaming in Streaming
    assert module.fails in Fails
    assert cls.handles
    assert cls.handles <= ALL_KINDS
    assert 0 <= module.reach <= 4096
    assert any(getattr(module, hook, None) for hook in HOOKS)
    assert (getattr(module, "around", None) is None) or cls.stage is Stage.CALL


@every_module
def test_a_module_that_guards_refuses_when_it_breaks(cls: type[AnyModule]) -> None:
    if cls.category == "safety":
        assert built(cls).fails is Fails.CLOSED


@every_module
def test_its_first_line_is_one_sentence_for_users(cls: type[AnyModule]) -> None:
    first, second, *_ = docs_of(cls).split("\n")
    assert first.endswith(".")
    assert len(first) <= 100
    assert second == ""
    assert cls.__name__ not in first


@every_module
@pytest.mark.parametrize("name", SECTIONS)
def test_its_docs_have_the_sections(cls: type[AnyModule], name: str) -> None:
    assert section(docs_of(cls), name).strip()


@every_module
def test_its_example_runs(cls: type[AnyModule]) -> None:
    example = tomllib.loads(section(docs_of(cls), "Example"))
    assert list(example) == ["modules"]
    assert list(example["modules"]) == [cls.name]
    built(cls, **example["modules"][cls.name])


@every_module
def test_every_option_is_described_and_has_a_default_or_is_what_a_row_is_about(
    cls: type[AnyModule],
) -> None:
    for name, described in options(cls):
        choices = [described, *described.get("anyOf", [])]
        assert any(choice.get("description") for choice in choices), name
    for field in msgspec.structs.fields(config_class(cls)):
        assert not field.required, field.name


@every_module
def test_every_number_text_and_list_is_bounded(cls: type[AnyModule]) -> None:
    for name, described in options(cls):
        for unbounded in _unbounded(described):
            pytest.fail(f"{name} has no bounds: {unbounded}")


def _unbounded(described: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of an option's schema that let anything of any size in."""
    if "anyOf" in described:
        return [part for option in described["anyOf"] for part in _unbounded(option)]
    if "enum" in described:
        return []
    needed = {
        "integer": ("minimum", "maximum"),
        "number": ("minimum", "maximum"),
        "string": ("maxLength",),
        "array": ("maxItems",),
    }.get(described.get("type", ""), ())
    missing = [described for bound in needed if bound not in described]
    return missing + (_unbounded(described["items"]) if "items" in described else [])


@every_module
def test_unknown_options_are_refused(cls: type[AnyModule]) -> None:
    with pytest.raises(InvalidConfig) as refused:
        built(cls, no_such_option=1)
    assert refused.value.path == "no_such_option"
    assert refused.value.code == "unknown_option"


@every_module
def test_values_out_of_bounds_are_refused(cls: type[AnyModule]) -> None:
    definition = schema_of(cls)["$defs"][config_class(cls).__name__]
    for name, described in definition.get("properties", {}).items():
        for bad in _out_of_bounds(described):
            with pytest.raises(InvalidConfig) as refused:
                built(cls, **{name: bad})
            assert refused.value.path.startswith(name), name


def _out_of_bounds(described: dict[str, Any]) -> list[Any]:
    bad: list[Any] = []
    if "minimum" in described:
        bad.append(described["minimum"] - 1)
    if "maximum" in described:
        bad.append(described["maximum"] + 1)
    if "enum" in described:
        bad.append("none of these")
    if described.get("type") == "boolean":
        bad.append([])
    if described.get("type") == "array":
        bad.append("no list")
    return bad


def test_the_catalog_is_in_the_one_order() -> None:
    names = [cls.name for cls in CATALOG]
    assert names == sorted(names, key=ORDER.index)
    assert len(names) == len(set(names))


def test_stages_follow_each_other() -> None:
    stages = [cls.stage for cls in CATALOG if issubclass(cls, Module)]
    assert stages == sorted(stages)


def test_every_module_file_is_in_the_catalog() -> None:
    folder = Path(stockyard.modules.__path__[0])
    files = {path.stem for path in folder.glob("*/*.py") if path.stem != "__init__"}
    shared = {path for path in files if path.startswith("_")}
    assert files - shared == {cls.name for cls in CATALOG}


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_leads_to_a_module_that_takes_its_preset(alias: str) -> None:
    name, preset = ALIASES[alias]
    by_name = {cls.name: cls for cls in CATALOG}
    assert alias not in by_name
    built(by_name[name], **preset)
