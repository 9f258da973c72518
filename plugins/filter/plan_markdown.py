# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for people: tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..plugin_utils._markdown import callout, code, shortened

DOCUMENTATION = r"""
name: plan_markdown
short_description: Show a plan as tables in Markdown
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Shows, box by box, what is created, changed and removed. Of a change only what differs is shown, and of a list what
    comes and what goes.
  - Boxes that change come first, and those without a change share one line. Values of more than 80 characters, such as
    keys, are shown without their middle.
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
  description: The text, with a heading and a table for each box that changes.
  type: str
"""

_WORDS = {"create": "create", "update": "change", "remove": "**remove**"}
# What says that an object is there, or names it: the first two columns tell so already.
_KNOWN_FROM_ELSEWHERE = ("state", "email", "address", "name", "type")


def _value(value: Any, other: Any = None) -> str:
    """A value for people.

    :param other: what it is told beside, and has to look different from.
    """
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(code(shortened(str(item))) for item in value) or "(none)"
    return code(shortened(str(value), [] if other is None else [str(other)]))


def _difference(old: Any, new: Any) -> str:
    """What an update makes of a value; of a list what comes and what goes."""
    lists = (list, tuple)
    if isinstance(old or [], lists) and isinstance(new or [], lists):
        before, after = list(old or ()), list(new or ())
        come = [str(item) for item in after if item not in before]
        go = [str(item) for item in before if item not in after]
        facts = [
            "%s %s" % (sign, ", ".join(code(shortened(item, others)) for item in items))
            for sign, items, others in (("+", come, go), ("\u2212", go, come))
            if items
        ]
        if facts:
            return " ".join(facts)
    return "%s → %s" % (_value(old, new), _value(new, old))


def _details(change: Mapping[str, Any]) -> str:
    before, after = change["before"], change["after"]
    facts = []
    if change["action"] == "remove" and change["resource"] == "user":
        facts.append("mail: archived on the box")
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if name in _KNOWN_FROM_ELSEWHERE or old == new:
            continue
        if change["action"] == "update":
            facts.append("%s: %s" % (name, _difference(old, new)))
        else:
            shown = _value(new if change["action"] == "create" else old)
            if shown != "(none)":
                facts.append("%s: %s" % (name, shown))
    return "<br>".join(facts)


def _box(box: Mapping[str, Any]) -> list[str]:
    lines = ["", "## %s" % code(box["host"])]
    if box["error"] is not None:
        # The mistakes of a declaration are a line each.
        first, *rest = box["error"].splitlines() or [""]
        facts = ["**This box could not be planned:** %s" % code(first), *("- %s" % code(line) for line in rest)]
        lines += callout("CAUTION", facts)
    elif not box["changes"]:
        lines += ["", "No change."]
    if box["changes"]:
        lines += ["", "| | what | how |", "|---|---|---|"]
    for change in box["changes"]:
        what = "%s %s" % (change["resource"], code(change["key"]))
        lines.append("| %s | %s | %s |" % (_WORDS[change["action"]], what, _details(change)))
    if box["warnings"]:
        lines += callout("WARNING", ["- %s" % code(warning) for warning in box["warnings"]])
    return lines


def plan_markdown(plan: Mapping[str, Any]) -> str:
    """The text of a plan: boxes that change, those that could not be planned, and the others in one line."""
    lines = ["# Plan", "", "%s." % plan["summary"]]
    facts = [box for box in plan["boxes"] if box["changes"] or box["warnings"] or box["error"] is not None]
    for box in sorted(facts, key=lambda box: (not box["changes"], box["error"] is None)):
        lines += _box(box)
    unchanged = [code(box["host"]) for box in plan["boxes"] if box not in facts]
    if unchanged:
        lines += ["", "No change: %s." % ", ".join(unchanged)]
    return "\n".join(lines) + "\n"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_markdown": plan_markdown}
