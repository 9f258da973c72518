# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in Markdown that can't break out of their place. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..module_utils._values.texts import printable


def code(value: Any) -> str:
    """A value as code, in a form that neither ends the code nor the cell of the table."""
    text = printable(str(value))
    if not text.strip():
        return "(empty)"
    if "`" in text or "|" in text:
        # As in HTML, where a number stands for each sign that has a meaning in Markdown or HTML.
        return "<code>%s</code>" % "".join(
            sign if sign.isalnum() or sign in " .,:;@/=-+" else "&#%d;" % ord(sign) for sign in text
        )
    return "`%s`" % text


def callout(kind: str, lines: Iterable[str]) -> list[str]:
    """Lines that GitHub and others show in a coloured box, and all others as a quotation."""
    return ["", "> [!%s]" % kind, *("> " + line for line in lines)]
