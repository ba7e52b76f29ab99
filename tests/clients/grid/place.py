"""Where the clients of the grid are installed: outside the project, for they weigh 2 GB."""

import json
import os
import re
import shutil
from pathlib import Path

HERE = Path(__file__).parent
PLACE = Path(os.environ.get("STOCKYARD_CLIENTS", Path.home() / ".cache" / "stockyard-clients"))
GO_MODULES = HERE / "drivers" / "go" / "go.mod"
JAVA_LIBRARIES = HERE / "drivers" / "java" / "pom.xml"
MODULES = PLACE / "node" / "node_modules"
GO = PLACE / "go" / "clients"
"""One program, made where Go is installed."""
CLASSES = PLACE / "java" / "classes"
LIBRARIES = PLACE / "java" / "lib"
"""Both made where Java and Maven are installed."""
NODE = shutil.which("node") or "node"
JAVA = shutil.which("java") or "java"

MISSING = "needs the clients: `make clients` installs them"


PLACES = ("python", "litellm", "pydantic")
"""Environments of Python. Some clients pin what others need newer."""


def python(place: str) -> Path:
    return PLACE / place / "bin" / "python"


def installed() -> bool:
    return all(python(place).exists() for place in PLACES) and MODULES.is_dir()


def absent(runtime: str) -> str | None:
    """Why clients of this runtime cannot be played on this machine, where everything else is."""
    if runtime == "go" and not GO.exists():
        return "Go is not installed"
    if runtime == "java" and not (CLASSES.is_dir() and shutil.which("java")):
        return "Java or Maven is not installed"
    return None


def version(runtime: str, place: str, package: str) -> str:
    """Of what is installed; empty where it is not."""
    if runtime == "go":
        required = re.search(rf"{re.escape(package)} v(\S+)", GO_MODULES.read_text())
        return required[1] if required else ""
    if runtime == "java":
        named = rf"<artifactId>{re.escape(package)}</artifactId>\s*<version>(\S+)</version>"
        required = re.search(named, JAVA_LIBRARIES.read_text())
        return required[1] if required else ""
    if runtime != "python":
        described = MODULES / package / "package.json"
        return str(json.loads(described.read_text())["version"]) if described.exists() else ""
    spelled = re.sub(r"[-.]", "_", package)
    found = [p.name for p in PLACE.glob(f"{place}/lib/*/site-packages/{spelled}-*.dist-info")]
    return found[0].removesuffix(".dist-info").split("-")[1] if found else ""
