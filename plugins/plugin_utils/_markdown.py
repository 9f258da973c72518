# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Escape values for Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..module_utils._values.texts import printable


def code(value: Any) -> str:
    """A value as inline code that ends neither the code nor its table cell."""
    text = printable(str(value))
    if not text.strip():
        return "(empty)"
    if "`" in text or "|" in text:
        # As HTML, with a numeric reference for each character that has a meaning in Markdown or HTML.
        return "<code>%s</code>" % "".join(
            sign if sign.isalnum() or sign in " .,:;@/=-+" else "&#%d;" % ord(sign) for sign in text
        )
    return "`%s`" % text


def callout(kind: str, lines: Iterable[str]) -> list[str]:
    """Lines that GitHub shows as an alert, and other renderers as a quotation."""
    return ["", "> [!%s]" % kind, *("> " + line for line in lines)]
