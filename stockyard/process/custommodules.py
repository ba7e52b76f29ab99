"""Load an operator's own modules.

They come from two places: all files `*.py` in the folder `modules_dir` of the settings, and
packages that name their classes in the entry point group `stockyard.modules`. Nothing else is
imported. An error in one of them ends the start: a guard that is silently missing would be worse.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from stockyard.core.module import AnyModule, Module, Stage
from stockyard.core.ports import Ports
from stockyard.errors import CannotStart, PortMissing
from stockyard.gateway.line import config_class
from stockyard.modules import ALIASES, CATALOG

GROUP = "stockyard.modules"
PACKAGE = "stockyard.custom"
"""Files of the folder are imported below this name, so that they hide no package."""
BAD_CONFIG = 78
HOOKS = ("on_request", "around", "on_chunk", "on_response", "on_error", "on_head")
MAX_NAME = 64

ModuleClass = type[AnyModule]


def load(folder: str) -> tuple[ModuleClass, ...]:
    """The classes of the folder, by file name, and then those of packages. Raises CannotStart."""
    taken = {module.name: "the catalog" for module in CATALOG}
    taken |= dict.fromkeys(ALIASES, "the catalog")
    loaded = []
    for where, cls in (*_in_folder(folder), *_installed()):
        fault = _fault_of(cls, taken)
        if fault is not None:
            raise _refused(where, fault)
        taken[cls.name] = where
        loaded.append(cls)
    return tuple(loaded)


def try_out(classes: Iterable[ModuleClass], ports: Ports) -> None:
    """Build the modules that are on by default, to check them. Raises CannotStart."""
    for cls in classes:
        if not cls.on_by_default:
            continue
        try:
            cls(config_class(cls)(), ports)
        except PortMissing:
            continue  # It is shown as not running, with what it needs.
        except (Exception, SystemExit) as error:  # Code of others: it may raise anything.
            file = inspect.getsourcefile(cls) or cls.__module__
            fault = f"{cls.__name__} cannot be built ({type(error).__name__}: {error})"
            raise _refused(file + _line_of(error, file), fault) from error


def _in_folder(folder: str) -> Iterator[tuple[str, Any]]:
    if not folder:
        return
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise _refused(str(path), "modules_dir is not a folder")
    for file in sorted(path.glob("*.py")):
        if file.name.startswith("_"):
            continue
        found = list(_classes_of(_imported(file)))
        if not found:
            raise _refused(str(file), "it defines no Module")
        yield from ((str(file), cls) for cls in found)


def _imported(file: Path) -> ModuleType:
    name = f"{PACKAGE}.{file.stem}"
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  it ends in .py
    module = module_from_spec(spec)
    # Its classes are asked for their module, to find annotations and documentation.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # Code of others: it may raise anything.
        del sys.modules[name]
        raise _cannot_import(str(file), error) from error
    return module


def _classes_of(module: ModuleType) -> Iterator[type]:
    """The Modules that a file defines itself, in their order. Bases for them begin with `_`."""
    for name, value in vars(module).items():
        own = inspect.isclass(value) and value.__module__ == module.__name__
        if own and issubclass(value, Module) and not name.startswith("_"):
            yield value


def _installed() -> Iterator[tuple[str, Any]]:
    # Late: it reads what is installed, which takes milliseconds.
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = f"package {point.dist.name}, " if point.dist is not None else ""
        where = f"{package}entry point {point.name} = {point.value}"
        try:
            found = point.load()
        except (Exception, SystemExit) as error:  # Code of others: it may raise anything.
            raise _cannot_import(where, error) from error
        yield where, found


def _fault_of(cls: Any, taken: dict[str, str]) -> str | None:
    """What keeps this from being a module like those of the catalog."""
    if not (inspect.isclass(cls) and issubclass(cls, Module)):
        return "it is not a class derived from stockyard.core.module.Module"
    faults = (*_name_faults(cls, taken), *_hook_faults(cls), *_config_faults(cls))
    return next((f"{cls.__name__} {fault}" for fault in faults), None)


def _name_faults(cls: ModuleClass, taken: dict[str, str]) -> Iterable[str]:
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not _is_plain(name):
        yield "needs a `name` of at most 64 lower-case letters, digits and _"
    elif name in taken:
        yield f"has the name '{name}', which {taken[name]} uses already"


def _is_plain(name: str) -> bool:
    ascii_word = name.isascii() and name.replace("_", "a").isalnum()
    return ascii_word and name == name.lower() and name[0].isalpha() and len(name) <= MAX_NAME


def _hook_faults(cls: ModuleClass) -> Iterable[str]:
    if not isinstance(getattr(cls, "stage", None), Stage):
        yield "needs a `stage`"
    hooks = {hook: getattr(cls, hook) for hook in HOOKS if getattr(cls, hook, None) is not None}
    if not hooks:
        yield f"has no hook ({', '.join(HOOKS)})"
    for name, hook in hooks.items():
        if not callable(hook):
            yield f"has a hook `{name}` that cannot be called"
    if inspect.iscoroutinefunction(hooks.get("on_chunk")):
        yield "has an async `on_chunk`; the events of a stream wait for nobody"
    if "around" in hooks and getattr(cls, "stage", None) is not Stage.CALL:
        yield "has `around`, which runs at the stage CALL only"


def _config_faults(cls: ModuleClass) -> Iterable[str]:
    try:
        config_class(cls)()
    except (TypeError, ValueError) as error:
        yield f"has a Config that does not work without values ({error})"


def _cannot_import(where: str, error: BaseException) -> CannotStart:
    told = f"{type(error).__name__}: {error}"
    line = _line_of(error, where)
    return _refused(where + line, f"it cannot be imported ({told})")


def _line_of(error: BaseException, file: str) -> str:
    """`:12`, where the error came out of that file; empty where it did not."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f":{error.lineno}"
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line


def _refused(where: str, fault: str) -> CannotStart:
    return CannotStart(BAD_CONFIG, f"Custom module {where}: {fault}. Correct it or take it out.")
