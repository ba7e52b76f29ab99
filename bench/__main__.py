"""Measure the gateway on this machine: `python -m bench`, or `make bench`.

    python -m bench [--quick | --full] [--only c1,c32] [--json FILE]
    python -m bench --gateway-command "python -m bench.bare_proxy {port} {up}"

The quick run takes less than a minute. Exits with 1 if the gateway answered anything wrong.
"""

import argparse
import signal
import sys
from pathlib import Path

from bench import report
from bench.rig import GATEWAY, Rig, Run
from bench.scenarios import scenarios
from bench.target import GATEWAY as GATEWAY_COMMAND
from bench.target import NeverAnsweredError

STAGES = "stages"
"""What `--only` calls the parts of a call. Those of another gateway cannot be measured."""


def main(words: list[str]) -> int:
    given = _parser().parse_args(words)
    if sys.platform != "linux":
        print("The bench reads /proc and pins processes to cores: it runs on Linux only.")
        return 2
    known = scenarios(full=given.full)
    names = [*(s.name for s in known), STAGES]
    only = given.only.split(",") if given.only else names
    if unknown := set(only) - set(names):
        print(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(names)}.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left running
    rig = Rig()
    try:
        rig.start(given.gateway_command, starts=3 if given.full else 1)
        rig.measure([s for s in known if s.name in only], said=_progress)
        if STAGES in only and given.gateway_command == GATEWAY_COMMAND:
            _progress(STAGES)
            rig.measure_stages()
    except NeverAnsweredError as error:
        print(error)
        return 1
    finally:
        rig.stop()
    print("\n" + report.text(rig.run))
    if given.json:
        given.json.write_bytes(report.as_json(rig.run))
    return 1 if _wrong(rig.run) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="short slices, two turns (default)")
    size.add_argument("--full", action="store_true", help="long slices, four turns, three starts")
    parser.add_argument("--only", default="", help="scenario names, with commas between")
    parser.add_argument("--json", type=Path, help="keep every slice and figure in this file")
    parser.add_argument(
        "--gateway-command",
        default=GATEWAY_COMMAND,
        help="how the gateway starts; {port}, {data} and {up}, the provider's port, are filled in",
    )
    return parser


def _progress(scenario: str) -> None:
    print(f"{scenario} ", end="", file=sys.stderr, flush=True)


def _wrong(run: Run) -> bool:
    return any(s.outcome.wrong for s in run.slices if s.target == GATEWAY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
