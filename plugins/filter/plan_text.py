# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as lines for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..module_utils._model.wording import details
from ..module_utils._values.texts import printable

DOCUMENTATION = r"""
name: plan_text
short_description: Show a plan as lines for a terminal
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Returns a line for each box, and below it a line for each change and each note. Boxes with changes come first. Boxes
    without changes share one line.
  - Shows at most 30 changes for each box. P(mailinabox.admin.plan_markdown#filter) shows all changes.
options:
  _input:
    description: A plan, as P(mailinabox.admin.plan#filter) returns it.
    type: dict
    required: true
seealso:
  - plugin: mailinabox.admin.plan_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ results | mailinabox.admin.plan | mailinabox.admin.plan_text }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample: ["box.example.com: 1 creation", "  + alias sales@example.org: forwards_to: ann@example.org"]
"""

_SIGNS = {"create": "+", "update": "~", "remove": "-"}
# The number of changes that are shown for each box.
_SHOWN = 30


def _box(box: Mapping[str, Any]) -> list[str]:
    lines = [printable(box["summary"])]
    for change in box["changes"][:_SHOWN]:
        what = change["resource"].replace("_", " ")
        if change["key"] != "box":
            what += " %s" % change["key"]
        phrases = "; ".join(details(change))
        line = "  %s %s%s" % (_SIGNS[change["action"]], what, ": " + phrases if phrases else "")
        # Not every terminal font has the minus sign U+2212.
        lines.append(printable(line.replace("\u2212", "-")))
    if len(box["changes"]) > _SHOWN:
        lines.append("  and %d more" % (len(box["changes"]) - _SHOWN))
    notes = [note["text"] for note in box.get("notes", ())]
    return lines + ["  ! %s" % printable(text) for text in (*notes, *box["warnings"])]


def plan_text(plan: Mapping[str, Any]) -> list[str]:
    """The lines of a plan."""
    lines = []
    shown = [
        box
        for box in plan["boxes"]
        if box["changes"] or box["error"] is not None or box["warnings"] or box.get("notes")
    ]
    for box in sorted(shown, key=lambda box: (not box["changes"], box["error"] is None)):
        lines += _box(box)
    unchanged = [box["host"] for box in plan["boxes"] if box not in shown]
    if unchanged:
        lines.append("%s: no change" % printable(", ".join(unchanged)))
    return lines


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_text": plan_text}
