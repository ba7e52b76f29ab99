"""What became of all recorded traffic: a table by provider and format, and every reason.

`make traffic` prints it and keeps it in `docs/traffic.md`.
"""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stockyard.wire.formats import FORMATS
from tests.traffic.differences import Reason, Reasons
from tests.traffic.meaning import Meaning, Reader
from tests.traffic.opinions import Comparison, Opinion
from tests.traffic.passing import Passage, pass_through
from tests.traffic.recordings import Recording, collected, recordings
from tests.traffic.verdict import NONE, Verdict

OPENING = """# Recorded traffic

Written by `make traffic`: every interaction with a provider that four other projects recorded, sent
through the running gateway and read by its codecs. The recordings stand beside the project, not in
it; without them this page is not made.

Each cell says *the same / different for a reason / failed*; a dash says that there was nothing to
check.

- **forwarded**: on the provider's native route, with answers cut at nasty places, the provider
  heard the client's bytes and the client the provider's, with status and content type.
- **metered**: the books have the tokens that the answer states.
- **request**, **answer**: read and written again in their own format, they mean the same.
- **stream**: read at once or in pieces of 61 bytes it is the same; it says what it says when put
  together by other code; and the whole answer that it folds to means the same.

Formats in *italics* have no codec: they are native only, and nothing but bytes is checked.
"""


@dataclass
class Row:
    """One provider and format."""

    count: int = 0
    cells: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, verdicts: Mapping[str, Verdict]) -> None:
        self.count += 1
        for name, verdict in verdicts.items():
            self.cells[name][verdict.kind] += 1

    def cell(self, name: str) -> str:
        counts = self.cells[name]
        told = [counts["same"], counts["different"], counts["failed"]]
        return "–" if not any(told) else " / ".join(map(str, told))


@dataclass
class Report:
    """Verdicts on everything."""

    columns: tuple[str, ...] = ("forwarded", "metered", "request", "answer", "stream")
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    pairs: dict[str, Row] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    reasons: Sequence[Reason] = ()
    others: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Checks and reasons that stand in their code."""

    def add(self, recording: Recording, passage: Passage, meaning: Meaning) -> None:
        verdicts = {
            "forwarded": passage.forwarded,
            "metered": passage.metered,
            "request": meaning.request,
            "answer": meaning.answer,
            "stream": meaning.stream,
        }
        row = self.rows.setdefault((recording.provider, recording.format), Row())
        row.add(verdicts)
        self._note(recording.id, verdicts)
        for check in ("forwarded", "metered"):
            if verdicts[check].kind == "different":
                self.others[check, verdicts[check].detail] += 1

    def add_opinion(self, case: Mapping[str, str], opinion: Opinion) -> None:
        verdicts = {
            "request": opinion.request,
            "answer": opinion.answer,
            "stream": opinion.stream,
        }
        if all(verdict is NONE for verdict in verdicts.values()):
            return
        self.pairs.setdefault(f"{case['from']} → {case['to']}", Row()).add(verdicts)
        self._note(case["id"], verdicts)

    def _note(self, where: str, verdicts: Mapping[str, Verdict]) -> None:
        self.failures += [
            f"{where}: {name}: {verdict.detail}"
            for name, verdict in verdicts.items()
            if verdict.kind == "failed"
        ]

    def __str__(self) -> str:
        return "\n".join([OPENING, *self._traffic(), *self._opinions(), *self._reasons()])

    def _traffic(self) -> Iterable[str]:
        yield "## By provider and format\n"
        yield _line("provider", "format", "recordings", *self.columns)
        yield _line("---", "---", "---:", *["---:"] * len(self.columns))
        total = Row()
        for (provider, name), row in sorted(self.rows.items()):
            shown = name if name in FORMATS else f"*{name}*"
            yield _line(provider, shown, str(row.count), *map(row.cell, self.columns))
            total.count += row.count
            for column in self.columns:
                total.cells[column] += row.cells[column]
        yield _line("**all**", "", str(total.count), *map(total.cell, self.columns))

    def _opinions(self) -> Iterable[str]:
        columns = ("request", "answer", "stream")
        yield "\n## Beside another converter\n"
        yield "Lingua's translations of the same cases. Where ours differ, a reason says why.\n"
        yield _line("pair", "cases", *columns)
        yield _line("---", "---:", *["---:"] * len(columns))
        for pair, row in sorted(self.pairs.items()):
            yield _line(pair, str(row.count), *map(row.cell, columns))

    def _reasons(self) -> Iterable[str]:
        yield "\n## Why something differs\n"
        yield _line("check", "formats", "where", "times", "because")
        yield _line("---", "---", "---", "---:", "---")
        for (check, reason), times in sorted(self.others.items()):
            yield _line(check, "", "", str(times), reason)
        for known in self.reasons:
            places = ", ".join(
                f"`{place}`" for place in known.place.replace("[[][]]", "[]").split()
            )
            formats = known.formats.replace("->", "→").replace("*", "any")
            yield _line(known.check, formats, places, str(known.uses), known.because)


def report() -> Report:
    """Check everything; takes some twenty seconds."""
    found, reasons = Report(), Reasons.read()
    everything = list(recordings())
    with tempfile.TemporaryDirectory() as folder:
        passages = asyncio.run(pass_through(everything, Path(folder)))
    reader, comparison = Reader(reasons), Comparison(reasons)
    for recording in everything:
        found.add(recording, passages[recording.id], reader.meaning(recording))
    for case in collected("transforms"):
        found.add_opinion(case, comparison.opinion(case))
    found.failures += [f"nothing needs this reason: {reason.because}" for reason in reasons.unused]
    found.reasons = reasons.used
    return found


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
