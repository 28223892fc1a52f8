"""The node table: ``launch/stack.yaml`` read, checked and filled in with arguments.

The supervisor and ``launch/closed_loop.launch.py`` are two views of what this module returns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Scalar = str | bool | int | float
FOLDER = "folder"
_REFERENCE = re.compile(r"\$\{(\w+)\}")


class TableError(ValueError):
    """The table or the arguments given to it cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One ``name:=value`` of the command line. The default's type is the argument's type."""

    name: str
    default: Scalar
    help: str
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Scalar:
        """Turn command-line text into a value of the argument's type; TableError when it is none."""
        if isinstance(self.default, bool):
            if text.lower() not in ("true", "false"):
                raise TableError(f"{self.name}:={text} must be true or false")
            return text.lower() == "true"
        if isinstance(self.default, float):
            try:
                return float(text)
            except ValueError:
                raise TableError(f"{self.name}:={text} must be a number") from None
        if self.choices and text not in self.choices:
            raise TableError(f"{self.name}:={text} must be one of: {', '.join(self.choices)}")
        return text


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of a run, all arguments filled in.

    Either a ROS node (``package`` and ``executable``) or a Python module (``module``) with ``arguments``. A node's
    ``parameters`` come after those of its ``parameter_file`` and win.
    ``ends_run``: its exit is the regular end of the run. ``ends_last``: it is ended only after all others are gone.
    """

    name: str
    package: str = ""
    executable: str = ""
    module: str = ""
    arguments: tuple[str, ...] = ()
    parameter_file: str = ""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    remaps: Mapping[str, str] = field(default_factory=dict)
    ends_run: bool = False
    ends_last: bool = False

    def __post_init__(self) -> None:
        if bool(self.module) == bool(self.package and self.executable):
            raise TableError(f"process {self.name}: give either package and executable, or module")


@dataclass(frozen=True, slots=True)
class StackTable:
    """The table as written: the arguments it knows and the entries, references still open.

    ``folder`` is where it lies; entries may refer to it as ``${folder}``, and parameter files are looked up from there.
    """

    arguments: Mapping[str, Argument]
    entries: tuple[Mapping[str, Any], ...]
    folder: Path

    def values(self, overrides: Mapping[str, str]) -> dict[str, Scalar]:
        """Merge command-line text into the defaults; TableError for unknown names and bad values."""
        unknown = sorted(set(overrides) - set(self.arguments))
        if unknown:
            raise TableError(f"unknown argument {', '.join(unknown)}; known are: {', '.join(self.arguments)}")
        return {
            name: argument.parse(overrides[name]) if name in overrides else argument.default
            for name, argument in self.arguments.items()
        }

    def processes(self, values: Mapping[str, Scalar]) -> tuple[ProcessSpec, ...]:
        """Return the processes that run with these values, in the order of the table."""
        chosen = [entry for entry in self.entries if _holds(entry.get("when", {}), values)]
        specs = tuple(_spec(entry, {**values, FOLDER: str(self.folder)}) for entry in chosen)
        names = [spec.name for spec in specs]
        if len(set(names)) != len(names):
            raise TableError(f"two processes of one run have the same name: {', '.join(names)}")
        return specs


def load_table(path: Path) -> StackTable:
    """Read a table; TableError says what is wrong with it and where."""
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise TableError(f"cannot read the node table {path}: {error}") from error
    if not isinstance(document, dict):
        raise TableError(f"{path} must hold the keys 'arguments' and 'processes'")
    _no_others(document, {"arguments", "processes"}, str(path))
    arguments = {name: _argument(name, entry) for name, entry in (document.get("arguments") or {}).items()}
    entries = document.get("processes") or []
    for entry in entries:
        _check_entry(entry, arguments)
    if not any(entry.get("ends_run") for entry in entries):
        raise TableError(f"{path}: no process has 'ends_run: true', so the run would never end")
    return StackTable(arguments, tuple(entries), path.resolve().parent)


def split_overrides(words: Sequence[str]) -> dict[str, str]:
    """Split ``name:=value`` words of a command line; TableError for anything else."""
    overrides: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator or not name:
            raise TableError(f"{word!r} is no argument; write name:=value")
        overrides[name] = value
    return overrides


def _argument(name: str, entry: Any) -> Argument:
    if not isinstance(entry, dict):
        raise TableError(f"argument {name} must hold 'default' and 'help'")
    _no_others(entry, {"default", "help", "choices"}, f"argument {name}")
    if "default" not in entry or "help" not in entry:
        raise TableError(f"argument {name} lacks 'default' or 'help'")
    return Argument(name, entry["default"], entry["help"], tuple(entry.get("choices", ())))


_ENTRY_KEYS = {
    "name",
    "package",
    "executable",
    "module",
    "arguments",
    "parameter_file",
    "parameters",
    "remaps",
    "ends_run",
    "ends_last",
    "when",
}


def _check_entry(entry: Any, arguments: Mapping[str, Argument]) -> None:
    if not isinstance(entry, dict) or "name" not in entry:
        raise TableError("every process needs a 'name'")
    where = f"process {entry['name']}"
    _no_others(entry, _ENTRY_KEYS, where)
    conditions = set(entry.get("when", {}))
    referenced = set(_REFERENCE.findall(yaml.safe_dump({key: value for key, value in entry.items() if key != "when"})))
    unknown = sorted((conditions | referenced) - {*arguments, FOLDER})
    if unknown:
        raise TableError(f"{where} refers to {', '.join(unknown)}, which is no argument of the table")


def _no_others(mapping: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(mapping) - known)
    if unknown:
        raise TableError(f"{where}: unknown key {', '.join(unknown)}; known are: {', '.join(sorted(known))}")


def _holds(conditions: Mapping[str, Scalar], values: Mapping[str, Scalar]) -> bool:
    return all(values[name] == wanted for name, wanted in conditions.items())


def _spec(entry: Mapping[str, Any], values: Mapping[str, Scalar]) -> ProcessSpec:
    return ProcessSpec(
        name=entry["name"],
        package=entry.get("package", ""),
        executable=entry.get("executable", ""),
        module=entry.get("module", ""),
        arguments=tuple(str(_fill(word, values)) for word in entry.get("arguments", ())),
        parameter_file=_parameter_file(entry, values),
        parameters={name: _fill(value, values) for name, value in entry.get("parameters", {}).items()},
        remaps={name: str(_fill(target, values)) for name, target in entry.get("remaps", {}).items()},
        ends_run=bool(entry.get("ends_run", False)),
        ends_last=bool(entry.get("ends_last", False)),
    )


def _parameter_file(entry: Mapping[str, Any], values: Mapping[str, Scalar]) -> str:
    if "parameter_file" not in entry:
        return ""
    path = Path(str(values[FOLDER])) / str(_fill(entry["parameter_file"], values))
    if not path.is_file():
        raise TableError(f"process {entry['name']}: there is no parameter file {path}")
    return str(path)


def _fill(value: Scalar, values: Mapping[str, Scalar]) -> Scalar:
    """Replace references; a value that is nothing but one reference keeps the argument's type."""
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return values[whole[1]]
    return _REFERENCE.sub(lambda match: str(values[match[1]]), value)
