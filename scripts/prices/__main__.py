"""Write the price list anew and print what was left out, rounded or disagreed about."""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec

from scripts.prices import genai, litellm
from scripts.prices.merge import Shelf, merged
from scripts.prices.told import Report
from stockyard.core.offer import Offer, PriceSource

OUT = Path(__file__).parents[2] / "stockyard" / "providers" / "prices.json"
HOMES = {
    genai.NAME: "https://github.com/pydantic/genai-prices",
    litellm.NAME: "https://github.com/BerriAI/litellm",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=OUT)
    options.add_argument(
        "--day",
        type=date.fromisoformat,
        default=datetime.now(UTC).date(),
        help="The day of the list; today by default. The same day gives the same file.",
    )
    chosen = options.parse_args()
    report = Report()
    shelves = merged(
        genai.told(_genai_providers(), chosen.day, report),
        litellm.told(_litellm_models(), report),
        report,
    )
    before = chosen.out.read_bytes() if chosen.out.exists() else b"{}"
    chosen.out.write_text(written(shelves, chosen.day, msgspec.json.decode(before)))
    _tell(report, shelves)


def _genai_providers() -> list[Any]:
    # By name: it is installed where this runs, not where the project is checked.
    return list(import_module("genai_prices.data").providers)


def _litellm_models() -> Mapping[str, Any]:
    # Read, not imported: the package asks the network for a newer list when it is imported.
    where = distribution(litellm.NAME).locate_file(f"litellm/{litellm.FILE}")
    text = Path(str(where)).read_bytes()
    found: Mapping[str, Any] = msgspec.json.Decoder(float_hook=Decimal).decode(text)
    return found


def written(shelves: Mapping[str, Shelf], day: date, before: Mapping[str, Any]) -> str:
    """The document, one model to a line, so that a change of prices reads well."""
    pages = sorted({page for shelf in shelves.values() for page in shelf.pages.values() if page})
    sources = {
        name: PriceSource(distribution(name).version, home, "MIT") for name, home in HOMES.items()
    }
    began = str(before.get("since", day))
    head = [
        f'"made": {_json(day)}',
        f'"since": {_json(began)}',
        f'"sources": {_json(sources)}',
        '"pages": [\n' + ",\n".join(map(_json, pages)) + "\n]",
    ]
    providers = []
    for provider, shelf in shelves.items():
        models = []
        for name, offer in sorted(shelf.models.items()):
            page = shelf.pages[name]
            told = msgspec.to_builtins(offer) | ({"page": pages.index(page)} if page else {})
            since = _since(told, before, provider, name) or str(day)
            told |= {"since": since} if since != began else {}
            models.append(f"{_json(name)}: {_json(told)}")
        parts = ['"models": {\n' + ",\n".join(models) + "\n}"]
        parts += [f'"{name}": {_json(table)}' for name, table in shelf.tables().items()]
        providers.append(f"{_json(provider)}: {{{', '.join(parts)}}}")
    head.append('"providers": {\n' + ",\n".join(providers) + "\n}")
    return "{\n" + ",\n".join(head) + "\n}\n"


def _since(
    told: Mapping[str, Any], before: Mapping[str, Any], provider: str, name: str
) -> str | None:
    """Since when the list says this of a model; None when it says so now for the first time."""
    old = before.get("providers", {}).get(provider, {}).get("models", {}).get(name)
    if old is None:
        return None
    was = {key: value for key, value in old.items() if key not in ("since", "page")}
    now = msgspec.json.decode(_json({key: told[key] for key in told if key != "page"}))
    return str(old.get("since", before["since"])) if was == now else None


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _tell(report: Report, shelves: Mapping[str, Shelf]) -> None:
    offers: list[Offer] = [offer for shelf in shelves.values() for offer in shelf.models.values()]
    priced = sum(bool(offer.lines) for offer in offers)
    say = sys.stdout.write
    say(f"{len(shelves)} providers, {len(offers)} models, {priced} of them with a price.\n")
    say(f"\nLeft out ({report.left_out.total()}):\n")
    for what, times in sorted(report.left_out.items()):
        say(f"  {times:5} {what}\n")
    rounded = list(dict.fromkeys(report.rounded))
    say(f"\nRounded ({len(rounded)}):\n")
    for line in rounded:
        say(f"  {line}\n")
    say(f"\nWhere litellm tells another price for a million ({len(report.differences)}):\n")
    for line in report.differences:
        say(f"  {line}\n")


if __name__ == "__main__":
    main()
