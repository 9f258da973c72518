# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of plugins/, as one table: what each folder is for, and what it may import.

The table and the graph in CONTRIBUTING.md are generated from it: ``python tools/layers.py`` writes them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from checkout import ROOT

PLUGINS = ROOT / "plugins"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- begin: written by tools/layers.py -->\n", "<!-- end -->\n"
# Modules of the standard library that only compute. Pure layers may import these.
PURE = {
    *(
        "__future__",
        "base64",
        "calendar",
        "collections",
        "dataclasses",
        "datetime",
        "difflib",
        "fnmatch",
        "functools",
        "hashlib",
        "html",
    ),
    *("ipaddress", "json", "math", "re", "typing", "unicodedata", "urllib.parse"),
}
# Built-in functions that reach out of the program.
IMPURE_FUNCTIONS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}


class Layer(NamedTuple):
    """One folder.

    :ivar floor: on which it stands. Arrows point to lower floors only.
    :ivar may_import: other folders.
    :ivar pure: whether it may neither do input or output, nor ask for the time.
    """

    folder: str
    floor: int
    purpose: str
    may_import: tuple[str, ...]
    pure: bool = False


UTILS = "module_utils/"
LAYERS = (
    Layer("action", 6, "the in-process door of each module", ("modules", "plugin_utils", "_values")),
    Layer("modules", 5, "the documentation of each module, and its `TASK`", ("_engine", "_resources")),
    Layer("plugin_utils", 5, "what only the controller needs", ("_engine", "_box", "_model", "_values")),
    Layer("filter", 6, "texts and data for playbooks and roles", ("plugin_utils", "_model", "_values")),
    Layer("lookup", 6, "data from the inventory for playbooks and roles", ("plugin_utils", "_values")),
    Layer("doc_fragments", 1, "documentation that modules share", ()),
    Layer(UTILS + "_engine", 4, "plan, then predict or execute, then report", ("_box", "_model", "_values")),
    Layer(UTILS + "_resources", 3, "the planner of one kind of object each", ("_model", "_values"), pure=True),
    Layer(UTILS + "_box", 3, "the conversation with a box", ("_model", "_values")),
    Layer(UTILS + "_model", 2, "what boxes answer and publish; calls, changes and plans", ("_values",), pure=True),
    Layer(UTILS + "_values", 1, "errors, names, records, PEM and secrets", (), pure=True),
)

# The only files that use a library, and which.
LIBRARIES = {
    "module_utils/_values/names.py": {"idna"},
    "module_utils/_values/record_values.py": {"dns"},
    "module_utils/_values/pem.py": {"cryptography"},
    "module_utils/_box/transport.py": {"requests", "urllib3"},
    "module_utils/_box/https.py": {"requests"},
    "module_utils/_box/sign_in.py": {"pyotp"},
    "module_utils/_engine/module.py": {"ansible"},
    "plugin_utils/_arguments.py": {"ansible"},
    "plugin_utils/_in_process.py": {"ansible"},
    "plugin_utils/_controller.py": {"ansible"},
    "plugin_utils/_origins.py": {"ansible"},
    "plugin_utils/_dns_ask.py": {"dns"},
    "plugin_utils/_dns_model.py": {"dns"},
    # octoDNS loads it by itself.
    "plugin_utils/_octodns_processor.py": {"octodns"},
    "filter/*.py": {"ansible", "jinja2", "markupsafe", "prometheus_client", "yaml"},
    "lookup/*.py": {"ansible"},
}

# It writes to a DNS provider and to no box, so the engine doesn't run it.
WITHOUT_ENGINE = {"action/dns_push.py"}

# A planner knows no other one. These put several together.
TOGETHER = ("info", "keep", "leavers", "notes", "reach", "whole_box", "zone_effects")

Sources = Mapping[str, str]
"""The text of each Python file, by its path below plugins/."""


class Import(NamedTuple):
    """An import, anywhere in a file.

    :ivar target: a path below plugins/ without ``.py`` if it is one of the collection, else a module's name.
    """

    file: str
    target: str
    inside: bool


def sources() -> Sources:
    return {str(path.relative_to(PLUGINS)): path.read_text(encoding="utf-8") for path in sorted(PLUGINS.rglob("*.py"))}


@cache
def _nodes(source: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(source)))


def imports(file: str, source: str, files: Sources) -> Iterator[Import]:
    """What a file imports."""
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            yield from (Import(file, alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield Import(file, node.module or "", False)
        elif isinstance(node, ast.ImportFrom):
            base = PurePosixPath(file).parents[node.level - 1] / (node.module or "").replace(".", "/")
            for name in {str(base)} if f"{base}.py" in files else {str(base / alias.name) for alias in node.names}:
                yield Import(file, name, True)


def layer_of(path: str) -> Layer | None:
    return next((layer for layer in LAYERS if path.startswith(layer.folder + "/")), None)


def faults(files: Sources) -> list[str]:
    """What in the files is against the rules."""
    found = [f"{file}: no layer" for file in files if layer_of(file) is None]
    edges: dict[str, set[str]] = {file: set() for file in files}
    for file, source in files.items():
        layer = layer_of(file)
        if layer is None:
            continue
        for item in imports(file, source, files):
            if not item.inside:
                found += _outside(layer, item)
                continue
            if f"{item.target}.py" not in files:
                found.append(f"{file}: imports {item.target}, which is not a file")
                continue
            edges[file].add(f"{item.target}.py")
            found += _inside(layer, item)
        if layer.pure:
            called = (node.func for node in _nodes(source) if isinstance(node, ast.Call))
            calls = {function.id for function in called if isinstance(function, ast.Name)}
            found += [f"{file}: calls {name}, and is pure" for name in sorted(calls & IMPURE_FUNCTIONS)]
    found += [f"circle: {' -> '.join(circle)}" for circle in _circles(edges)]
    for layer in LAYERS:
        for target in (one for one in LAYERS if one.folder.rpartition("/")[2] in layer.may_import):
            if target.floor >= layer.floor:
                found.append(f"{layer.folder}: the arrow to {target.folder} does not point down")
    asked = check_mode_decisions(files)
    return found + ([f"check mode is asked for in {len(asked)} places: {', '.join(asked)}"] if len(asked) != 1 else [])


def _outside(layer: Layer, item: Import) -> list[str]:
    top = item.target.partition(".")[0]
    allowed = {
        name for pattern, names in LIBRARIES.items() if PurePosixPath(item.file).match(pattern) for name in names
    }
    if top in allowed:
        return []
    if top not in sys.stdlib_module_names:
        return [f"{item.file}: may not import {item.target}"]
    is_pure = item.target in PURE or top in PURE
    return [f"{item.file}: imports {item.target}, and is pure"] if layer.pure and not is_pure else []


def _inside(layer: Layer, item: Import) -> list[str]:
    target = layer_of(item.target)
    if target is None or target == layer:
        own = PurePosixPath(item.file).stem
        if layer.folder.endswith(("_resources", "modules", "action", "filter", "lookup")) and own not in TOGETHER:
            return [f"{item.file}: imports {item.target}, which stands beside it"]
        return []
    if target.folder.rpartition("/")[2] not in layer.may_import:
        return [f"{item.file}: may not import {item.target}"]
    return []


def _circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Circles of imports; one for each file that a search comes back to."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(file: str, path: list[str]) -> None:
        if file in path:
            found.append([*path[path.index(file) :], file])
        elif file not in done:
            for target in sorted(edges[file]):
                visit(target, [*path, file])
            done.add(file)

    for file in edges:
        visit(file, [])
    return found


def check_mode_decisions(files: Sources) -> list[str]:
    """Where code decides by check mode: wherever it uses it other than to hand it on to a call."""
    found = []
    for file, source in files.items():
        if file in WITHOUT_ENGINE:
            continue
        nodes = _nodes(source)
        handed_on = {
            id(argument)
            for node in nodes
            if isinstance(node, ast.Call)
            for argument in (*node.args, *(keyword.value for keyword in node.keywords))
        }
        found += [
            f"{file}:{node.lineno}"
            for node in nodes
            if (isinstance(node, ast.Name) and node.id == "check_mode" and isinstance(node.ctx, ast.Load))
            or (isinstance(node, ast.Attribute) and node.attr == "check_mode")
            if id(node) not in handed_on
        ]
    return found


def graph(files: Sources) -> list[str]:
    """The arrows between the layers that there are, as lines of text, the highest floor first."""
    arrows: dict[str, set[str]] = {}
    for file, source in files.items():
        for item in imports(file, source, files):
            layer, target = layer_of(file), layer_of(item.target) if item.inside else None
            if layer and target and target != layer:
                arrows.setdefault(layer.folder, set()).add(target.folder)
    lines = []
    for layer in sorted(LAYERS, key=lambda layer: -layer.floor):
        targets = [one.folder.removeprefix(UTILS) for one in LAYERS if one.folder in arrows.get(layer.folder, ())]
        lines.append(f"{layer.floor}  {layer.folder.removeprefix(UTILS):<14} -> {', '.join(targets) or 'nothing'}")
    return lines


def _summary(source: str) -> str:
    """The first paragraph of a file's docstring."""
    return " ".join((ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].split())


def text(files: Sources) -> str:
    """The part of CONTRIBUTING.md that is generated."""
    lines = ["| folder of `plugins/` | what it is | may import | pure |", "|---|---|---|---|"]
    for layer in LAYERS:
        targets = ", ".join(f"`{name}`" for name in layer.may_import) or "the standard library"
        lines.append(f"| `{layer.folder}` | {layer.purpose} | {targets} | {'yes' if layer.pure else ''} |")
    lines += [
        "",
        "The imports that exist, from the top floor down. The number is the floor of a folder, which imports only from lower floors:",
        "",
        "```text",
    ]
    lines += [*graph(files), "```", ""]
    for layer in LAYERS:
        if layer.folder.startswith((UTILS, "plugin_utils")):
            lines += [f"`{layer.folder}`:", ""]
            lines += [
                f"- `{PurePosixPath(file).stem}`: {_summary(source)}"
                for file, source in files.items()
                if layer_of(file) == layer
            ]
            lines.append("")
    return "\n".join(lines)


def updated(document: str, files: Sources) -> str:
    """CONTRIBUTING.md with what is generated."""
    before, _begin, rest = document.partition(BEGIN)
    return before + BEGIN + "\n" + text(files) + "\n" + END + rest.partition(END)[2]


def main() -> None:
    document = CONTRIBUTING.read_text(encoding="utf-8")
    CONTRIBUTING.write_text(updated(document, sources()), encoding="utf-8")


if __name__ == "__main__":
    main()
