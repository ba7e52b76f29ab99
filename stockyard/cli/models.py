"""List the models that can be called, from the price list and the settings."""

from typing import Any
from urllib.parse import urlencode

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import FAILED, VerbError
from stockyard.cli.flags import server_flags
from stockyard.cli.money import dollars
from stockyard.cli.table import table

HEAD = ("MODEL", "PROVIDER", "KIND", "READS", "WRITES", "INPUT", "OUTPUT", "CAN")


@click.command()
@click.argument("part", required=False, metavar="[PART]")
@click.option("--provider", help="Only those of this provider.")
@click.option("--kind", help="Only those for this kind of call, such as chat or embeddings.")
@click.option(
    "--can", multiple=True, metavar="WORD", help="Only those that can do this: tools, vision …"
)
@server_flags
def models(
    server: Server,
    part: str | None,
    provider: str | None,
    kind: str | None,
    can: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the models that can be called, or those with PART in their name.

    READS and WRITES are tokens at most; INPUT and OUTPUT are dollars for a million tokens.
    """
    wishes = {"q": part, "provider": provider, "kind": kind, "cap": ",".join(can)}
    query = urlencode({name: wish for name, wish in wishes.items() if wish})
    answer = server.get(f"/api/chute/models?{query}" if query else "/api/chute/models")
    if as_json:
        print_json(answer)
        return
    if not answer["models"]:
        # Some providers have models that no list knows; those can be called all the same.
        raise VerbError(
            FAILED,
            "No model that can be called matches. A provider's models are listed once it has a "
            "Credential.",
        )
    for line in table(HEAD, [row_of(model) for model in answer["models"]]):
        click.echo(line)


def row_of(model: dict[str, Any]) -> tuple[str, ...]:
    return (
        model["id"],
        model["provider"],
        " ".join(model["kinds"]),
        tokens(model["context"]),
        tokens(model["max_output"]),
        price(model["input_micros"], model["price_state"]),
        price(model["output_micros"], model["price_state"]),
        " ".join(model["can"]),
    )


def tokens(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def price(micros: int | None, state: str) -> str:
    if state != "priced":
        return state
    return "" if micros is None else dollars(micros)
