"""The flags that say what a Key may do, for the verbs that make one or change it."""

from typing import Any

import click

from stockyard.settings.units import Seconds


class Duration(click.ParamType[int]):
    """A duration with its unit, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return round(Seconds.read(value) * 1000)
        except ValueError as error:
            self.fail(f"{value} {error}.", param, ctx)


class Limit(click.ParamType[dict[str, int]]):
    """How much a Key may use: `calls=60,per=1m,burst=10`."""

    name = "limit"
    counts = ("calls", "tokens", "concurrent", "burst")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, int]:
        limit: dict[str, int] = {}
        for part in str(value).split(","):
            name, _, said = part.strip().partition("=")
            try:
                if name == "per":
                    limit["per_seconds"] = round(Seconds.read(said))
                elif name in self.counts:
                    limit[name] = int(said)
                else:
                    self.fail(f"'{name}' is none of {', '.join(self.counts)}, per.", param, ctx)
            except ValueError:
                self.fail(f"'{part}' cannot be read: write calls=60,per=1m.", param, ctx)
        return limit


limits = click.option(
    "--limit",
    "limits",
    type=Limit(),
    multiple=True,
    metavar="LIMIT",
    help="How much it may use, such as calls=60,per=1m or concurrent=5 or tokens=100000,per=1h. "
    "May be given several times.",
)
expires = click.option(
    "--expires", type=Duration(), metavar="TIME", help="When it expires, such as 30d."
)
addresses = click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="CIDR",
    help="A network it may be used from, and only from. May be given again.",
)
USUAL = "usual"
lossy = click.option(
    "--lossy",
    type=click.Choice(["strict", "warn", "silent", USUAL]),
    help="Fields that a provider's format cannot express: refuse the call, report or drop them "
    "silently; usual: as in the settings.",
)
out_file = click.option("--out", metavar="FILE", help="Write the secret into this new file (0600).")
