"""Show what models cost, and the source and date of each price."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import FAILED, VerbError
from stockyard.cli.flags import server_flags
from stockyard.cli.money import dollars
from stockyard.cli.table import table

PATH = "/api/billing/prices"
PAGE = 1000
SINGLE = frozenset({"image", "second", "request", "search", "rerank_unit", "tool_call"})
"""Units that are priced one by one."""
Answer = dict[str, Any]


@click.group()
def prices() -> None:
    """Show what models cost, and the source and date of each price."""


@prices.command("list")
@click.option("--provider", help="Only of this one; default: all that are set up.")
@server_flags
def list_prices(server: Server, provider: str | None, as_json: bool) -> None:
    """Show the prices of models, in dollars for a million tokens."""
    providers = [provider] if provider else set_up(server)
    if not providers:
        raise VerbError(FAILED, "No provider is set up: name one with --provider.")
    found = [price for name in providers for price in every(server, provider=name)]
    if as_json:
        print_json({"prices": found, "count": len(found), "next": None})
        return
    if not found:
        raise VerbError(FAILED, f"The price list knows nothing of {', '.join(providers)}.")
    head = ("MODEL", "PROVIDER", "INPUT", "CACHED", "OUTPUT", "SINCE", "SOURCE")
    for line in table(head, [row_of(price) for price in found]):
        click.echo(line)


@prices.command("show")
@click.argument("model")
@click.option("--provider", help="Only at this one; default: all that sell it.")
@click.option("--at", metavar="TIME", help="At this time (ISO 8601, or -24h); default: now.")
@server_flags
def show(server: Server, model: str, provider: str | None, at: str | None, as_json: bool) -> None:
    """Show everything that one model costs."""
    found = list(every(server, model=model, provider=provider, at=at))
    if as_json:
        print_json({"prices": found, "count": len(found), "next": None})
        return
    if not found:
        raise VerbError(FAILED, f"{model} is not in the price list: calls of it are unpriced.")
    for number, price in enumerate(found):
        if number:
            click.echo()
        tell(price)


def every(server: Server, **wishes: str | None) -> Iterator[Answer]:
    """All prices that were asked for, page by page."""
    query = {"limit": str(PAGE), **{name: wish for name, wish in wishes.items() if wish}}
    while True:
        answer = server.get(f"{PATH}?{urlencode(query)}")
        yield from answer["prices"]
        if answer["next"] is None:
            return
        query["cursor"] = answer["next"]


def set_up(server: Server) -> list[str]:
    found = server.get("/api/chute/providers")["providers"]
    return [one["name"] for one in found if one["enabled"] and one["source"] != "built-in"]


def tell(price: Answer) -> None:
    click.echo(f"{price['model']} at {price['provider']} ({price['kind']}): {price['price_state']}")
    click.echo(f"since {price['since']}, from {' and '.join(price['sources'])}")
    if price["source_url"]:
        click.echo(price["source_url"])
    rows = [line_of(line) for line in price["lines"]]
    for time in price["times"]:
        since = f"from {time['since']}" if time["since"] else ""
        hours = f"{time['hours_utc']} UTC" if time["hours_utc"] else ""
        rows += [line_of(line, since, hours) for line in time["lines"]]
    for line in table(("OF", "PRICE", "WHEN"), rows):
        click.echo(line)


def row_of(price: Answer) -> tuple[str, ...]:
    usual = {
        line["dimension"]: dollars(line["price_micros"])
        for line in price["lines"]
        if not line["service_tier"] and not line["tier_from"] and line["per"] > 1
    }
    unknown = "" if price["lines"] else price["price_state"]
    return (
        price["model"],
        price["provider"],
        usual.get("input", unknown),
        usual.get("cache_read", ""),
        usual.get("output", unknown),
        price["since"],
        ", ".join(price["sources"]),
    )


def line_of(line: Answer, *when: str) -> tuple[str, str, str]:
    single = line["dimension"] in SINGLE
    price = dollars(line["price_micros"], line["per"] if single else 1)
    per = "each" if single else f"for {line['per']:,}"
    above = f"prompts above {line['tier_from']:,} tokens" if line["tier_from"] else ""
    conditions = filter(None, (*when, line["service_tier"], above))
    return line["dimension"], f"{price} {per}", ", ".join(conditions)
