# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the file and line of a value, for messages and for annotations of pull requests on GitHub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..module_utils._values.texts import printable

_PART = re.compile(r"(\w+)|\[(\d+)\]")


class Origin(NamedTuple):
    """A place in a file. Lines and columns count from 1."""

    path: str
    line: int
    column: int | None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (_shown(self.path, os.getcwd()), self.line, self.column) if part)


def annotate(result: dict[str, Any], arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """Add the file and line to each error of a declaration, if Ansible knows them.

    :param result: of a task; its messages change.
    :param arguments: of the task, as Ansible hands them to an action plugin.
    :param variables: of the task.
    :return: the workflow commands that annotate the errors in a pull request on GitHub.
    """
    failure = result.get("failure") or {}
    mistakes = failure.get("details", {}).get("mistakes", ()) if failure.get("code") == "invalid_declaration" else ()
    commands = []
    for mistake in mistakes:
        option, why = mistake["option"], mistake["why"]
        origin = find(arguments, option) or _origin(variables.get(option))
        if origin is None:
            continue
        mistake["origin"] = str(origin)
        name = option.rpartition(".")[2] + ": "
        text = "%s: %s" % (option, why[len(name) :] if why.startswith(name) else why)
        before, after = (printable(line) for line in ("%s: %s" % (mistake["where"], why), "%s: %s" % (origin, text)))
        result["msg"] = str(result["msg"]).replace(before, after, 1)
        failure["message"] = str(failure["message"]).replace(before, after, 1)
        commands.append(command(origin, text))
    return commands


def find(arguments: Mapping[str, Any], option: str) -> Origin | None:
    """The origin of an option's value, or of the nearest enclosing value with a known origin.

    :param arguments: the arguments of a task as Ansible hands them to an action plugin.
    :param option: such as ``aliases[2].forwards_to``.
    """
    found = None
    for value in _along(arguments, option):
        found = _origin(value) or found
    return found


def _along(arguments: Mapping[str, Any], option: str) -> Iterator[Any]:
    """The values on the path to an option, outermost first."""
    value: Any = arguments
    for name, index in _PART.findall(option):
        if name and isinstance(value, Mapping):
            # A record can be declared with a value or with values, and its module reports both as value.
            value = value.get(name, value.get(name + "s"))
        elif index and isinstance(value, (list, tuple)) and int(index) < len(value):
            value = value[int(index)]
        else:
            return
        yield value


def _origin(value: Any) -> Origin | None:
    """The origin of a value in ansible-core 2.19 or newer. The interface is internal, so any part may be missing."""
    try:
        from ansible._internal._datatag._tags import Origin as Tag
    except ImportError:
        return None
    try:
        tag = Tag.get_tag(value)
        if tag is None or tag.path is None or tag.line_num is None:
            return None
        return Origin(str(tag.path), int(tag.line_num), tag.col_num)
    except (AttributeError, TypeError, ValueError):
        return None


def _shown(path: str, folder: str) -> str:
    """A path for display: relative if it is inside a folder."""
    relative = os.path.relpath(path, folder)
    return path if relative.startswith(os.pardir) else relative


def command(origin: Origin, message: str) -> str:
    """The workflow command that annotates a line of a pull request on GitHub."""
    path = _shown(origin.path, os.environ.get("GITHUB_WORKSPACE") or os.getcwd())
    places = {"file": path, "line": origin.line, "col": origin.column}
    properties = ",".join("%s=%s" % (name, _escaped(str(value), ":,")) for name, value in places.items() if value)
    return "::error %s::%s" % (properties, _escaped(printable(message)))


def _escaped(text: str, more: str = "") -> str:
    return "".join("%%%02X" % ord(sign) if sign in "%\r\n" + more else sign for sign in text)


def on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
