"""Where the clients of the grid are installed: outside the project, for they weigh 1.5 GB."""

import json
import os
import re
import shutil
from pathlib import Path

HERE = Path(__file__).parent
PLACE = Path(os.environ.get("STOCKYARD_CLIENTS", Path.home() / ".cache" / "stockyard-clients"))
PYTHON = PLACE / "python" / "bin" / "python"
MODULES = PLACE / "node" / "node_modules"
NODE = shutil.which("node") or "node"

MISSING = "needs the clients: `make clients` installs them"


def installed() -> bool:
    return PYTHON.exists() and MODULES.is_dir()


def version(runtime: str, package: str) -> str:
    """Of what is installed; empty where it is not."""
    if runtime != "python":
        described = MODULES / package / "package.json"
        return str(json.loads(described.read_text())["version"]) if described.exists() else ""
    spelled = re.sub(r"[-.]", "_", package)
    found = [path.name for path in PLACE.glob(f"python/lib/*/site-packages/{spelled}-*.dist-info")]
    return found[0].split("-")[1].removesuffix(".dist") if found else ""
