# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that come from elsewhere, on their way to people."""

from __future__ import annotations

import re
from typing import Any

# What CI systems take for a command to themselves, also where a terminal wraps a line: ::error::, ##[error], ##vso[...].
_COMMAND = re.compile(r":(?=:[A-Za-z][\w-]*(?: .*?)?::)|#(?=#(?:vso)?\[)")


def printable(text: str) -> str:
    """A text as one line, with its control signs, such as those that turn the direction of writing, made visible.

    It holds no command that a CI system would obey in its log.
    """
    line = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
    return _COMMAND.sub(lambda found: "\\x%02x" % ord(found[0]), line)


def all_printable(value: Any) -> Any:
    """A value of lists and dictionaries with every text in it made printable, each line of it by itself."""
    if isinstance(value, str):
        return "\n".join(map(printable, value.split("\n")))
    if isinstance(value, dict):
        return {key: all_printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [all_printable(item) for item in value]
    return value
