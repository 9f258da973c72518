# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make texts from untrusted sources safe to print."""

from __future__ import annotations

import re
from typing import Any

# The start of commands in logs of CI systems, also after a wrapped line: ::error::, ##[error], ##vso[...].
_COMMAND = re.compile(r":(?=:[A-Za-z][\w-]*(?: .*?)?::)|#(?=#(?:vso)?\[)")


def printable(text: str) -> str:
    """A text as one line, with escaped control characters, such as those for the direction of writing.

    Commands of CI systems are escaped, too.
    """
    line = text
    if not text.isprintable():
        line = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
    return _COMMAND.sub(lambda found: "\\x%02x" % ord(found[0]), line)


def untemplated(text: str) -> str:
    """A text without anything that Ansible could read as a template. The rest stays as it is."""
    # ansible-core before 2.19 also reads #jinja2 lines, which can set other delimiters.
    return text.replace("{", "\\x7b").replace("#", "\\x23")


def all_printable(value: Any) -> Any:
    """A nested value with each line of its texts made printable."""
    if isinstance(value, str):
        return "\n".join(map(printable, value.split("\n")))
    if isinstance(value, dict):
        return {key: all_printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [all_printable(item) for item in value]
    return value
