# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for people: tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..plugin_utils._texts import printable

DOCUMENTATION = r"""
name: plan_markdown
short_description: Show a plan as tables in Markdown
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Shows, box by box, what is created, changed and removed. Of a change only what differs is shown.
  - No value can break out of its table, or be taken for Markdown or HTML.
options:
  _input:
    description: A plan, as P(mailinabox.admin.plan#filter) makes it.
    type: dict
    required: true
seealso:
  - plugin: mailinabox.admin.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write a plan for people
  ansible.builtin.copy:
    content: "{{ results | mailinabox.admin.plan | mailinabox.admin.plan_markdown }}"
    dest: plan.md
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The text, with a heading and a table for each box.
  type: str
"""

_WORDS = {"create": "create", "update": "change", "remove": "**remove**"}
# What says that an object is there, or names it: the first two columns tell so already.
_KNOWN_FROM_ELSEWHERE = ("state", "email", "address", "name", "type")


def _code(value: Any) -> str:
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


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_code(item) for item in value) or "(none)"
    return _code(value)


def _details(change: Mapping[str, Any]) -> str:
    before, after = change["before"], change["after"]
    told = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if name in _KNOWN_FROM_ELSEWHERE or old == new:
            continue
        if change["action"] == "update":
            told.append("%s: %s → %s" % (name, _value(old), _value(new)))
        else:
            shown = _value(new if change["action"] == "create" else old)
            if shown != "(none)":
                told.append("%s: %s" % (name, shown))
    return "<br>".join(told)


def _box(box: Mapping[str, Any]) -> list[str]:
    lines = ["", "## %s" % _code(box["host"]), ""]
    if box["error"] is not None:
        return [*lines, "**This box could not be planned:** %s" % _code(box["error"])]
    if not box["changes"]:
        lines.append("No change.")
    else:
        lines += ["| | what | how |", "|---|---|---|"]
    for change in box["changes"]:
        what = "%s %s" % (change["resource"], _code(change["key"]))
        lines.append("| %s | %s | %s |" % (_WORDS[change["action"]], what, _details(change)))
    if box["warnings"]:
        lines += ["", *("- Note: %s" % _code(warning) for warning in box["warnings"])]
    return lines


def plan_markdown(plan: Mapping[str, Any]) -> str:
    """The text of a plan."""
    lines = ["# Plan", "", "%s." % plan["summary"]]
    for box in plan["boxes"]:
        lines += _box(box)
    return "\n".join(lines) + "\n"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_markdown": plan_markdown}
