"""Print what became of the recorded traffic, and keep it: `python -m tests.traffic --out PAGE`."""

import sys
from pathlib import Path

from tests.traffic.recordings import ABSENT, ROOT
from tests.traffic.report import report

if not ROOT.is_dir():
    sys.exit(f"There is {ABSENT} (looked for {ROOT}).")
told = report()
page = str(told) + "\n"
sys.stdout.write(page)
if "--out" in sys.argv:
    Path(sys.argv[sys.argv.index("--out") + 1]).write_text(page)
if told.failures:
    sys.exit("\n".join(["", f"{len(told.failures)} failed:", *told.failures]))
