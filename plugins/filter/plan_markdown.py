# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for people: tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..module_utils._values.texts import printable

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

# A longer value is shown without its middle: so much of its beginning and of its end.
_LONGEST = 80
_HEAD = 40
_TAIL = 16


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


def _value(value: Any, other: Any = None) -> str:
    """A value for people.

    :param other: what it is told beside, and has to look different from.
    """
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_code(_shortened(str(item))) for item in value) or "(none)"
    return _code(_shortened(str(value), [] if other is None else [str(other)]))


def _shortened(text: str, others: Sequence[str] = ()) -> str:
    """A text that is too long for a table, such as a key, without its middle; told apart from others like it."""
    if len(text) <= _LONGEST:
        return text
    start = 0
    for other in others:
        differs = next((place for place, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0)
        # Where the beginnings are the same, the first difference is shown, too.
        if differs >= _HEAD:
            start = max(start, differs)
    middle = "%s…" % text[start : start + _TAIL] if start else ""
    return "%s…%s%s (%d characters)" % (text[:_HEAD], middle, text[-_TAIL:], len(text))


def _difference(old: Any, new: Any) -> str:
    """What an update makes of a value; of a list what comes and what goes."""
    lists = (list, tuple)
    if isinstance(old or [], lists) and isinstance(new or [], lists):
        before, after = list(old or ()), list(new or ())
        come = [str(item) for item in after if item not in before]
        go = [str(item) for item in before if item not in after]
        facts = [
            "%s %s" % (sign, ", ".join(_code(_shortened(item, others)) for item in items))
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


def _callout(kind: str, lines: Iterable[str]) -> list[str]:
    """Lines that GitHub and others show in a coloured box, and all others as a quotation."""
    return ["", "> [!%s]" % kind, *("> " + line for line in lines)]


def _box(box: Mapping[str, Any]) -> list[str]:
    lines = ["", "## %s" % _code(box["host"])]
    if box["error"] is not None:
        # The mistakes of a declaration are a line each.
        first, *rest = box["error"].splitlines() or [""]
        facts = ["**This box could not be planned:** %s" % _code(first), *("- %s" % _code(line) for line in rest)]
        lines += _callout("CAUTION", facts)
    elif not box["changes"]:
        lines += ["", "No change."]
    if box["changes"]:
        lines += ["", "| | what | how |", "|---|---|---|"]
    for change in box["changes"]:
        what = "%s %s" % (change["resource"], _code(change["key"]))
        lines.append("| %s | %s | %s |" % (_WORDS[change["action"]], what, _details(change)))
    if box["warnings"]:
        lines += _callout("WARNING", ["- %s" % _code(warning) for warning in box["warnings"]])
    return lines


def plan_markdown(plan: Mapping[str, Any]) -> str:
    """The text of a plan: boxes that change, those that could not be planned, and the others in one line."""
    lines = ["# Plan", "", "%s." % plan["summary"]]
    facts = [box for box in plan["boxes"] if box["changes"] or box["warnings"] or box["error"] is not None]
    for box in sorted(facts, key=lambda box: (not box["changes"], box["error"] is None)):
        lines += _box(box)
    unchanged = [_code(box["host"]) for box in plan["boxes"] if box not in facts]
    if unchanged:
        lines += ["", "No change: %s." % ", ".join(unchanged)]
    return "\n".join(lines) + "\n"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_markdown": plan_markdown}
