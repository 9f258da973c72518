# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Markdown tables."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..module_utils._model.approval import TIME, short
from ..module_utils._model.wording import ACTIONS, details
from ..module_utils._values.texts import printable
from ..plugin_utils._markdown import callout, code

DOCUMENTATION = r"""
name: plan_markdown
short_description: Show a plan as tables in Markdown
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Shows what is created, changed and removed on each box. A change shows only the differences. A changed list shows
    the added and the removed items.
  - Boxes with changes come first. Boxes without changes share one line. Values of more than 80 characters, such as
    keys, are shortened in the middle.
  - Values are escaped and can't be read as Markdown or HTML.
options:
  _input:
    description: A plan, as P(mailinabox.admin.plan#filter) returns it.
    type: dict
    required: true
  command:
    description:
      - The arguments of the command that applies the plan. If you set them, the text shows this command.
      - C(plan) is the path of C(plan.json); without it, the command approves the plan by its digest. C(inventory), C(limit)
        and C(hosts) are the inventories, the limit and C(miab_hosts) of the run.
    type: dict
    version_added: 1.1.0
seealso:
  - plugin: mailinabox.admin.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the plan as Markdown
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


def _action(change: Mapping[str, Any]) -> str:
    word = ACTIONS[change["action"]]
    return "**%s**" % word if change["action"] == "remove" else word


def _box(box: Mapping[str, Any]) -> list[str]:
    lines = ["", "## %s" % code(box["host"])]
    if box["error"] is not None:
        # The error has one line for each error in a declaration.
        first, *rest = box["error"].splitlines() or [""]
        facts = ["**This box could not be planned:** %s" % code(first), *("- %s" % code(line) for line in rest)]
        lines += callout("CAUTION", facts)
    elif not box["changes"]:
        lines += ["", "No change."]
    if box["changes"]:
        lines += ["", "| | what | how |", "|---|---|---|"]
    for change in box["changes"]:
        what = change["resource"].replace("_", " ")
        if change["key"] != "box":
            what += " %s" % code(change["key"])
        lines.append("| %s | %s | %s |" % (_action(change), what, "<br>".join(details(change, code))))
    warnings = [*box["warnings"], *box.get("run_warnings", [])]
    if warnings:
        lines += callout("WARNING", ["- %s" % code(warning) for warning in warnings])
    if box.get("notes"):
        lines += callout("NOTE", ["- %s" % code(note["text"]) for note in box["notes"]])
    if box.get("unknown"):
        lines += callout("NOTE", ["Unknown until applied:", *("- %s" % code(what) for what in box["unknown"])])
    return lines


def _age(snapshot: Mapping[str, Any], made_at: str) -> str:
    """The age of a snapshot when the plan was made."""
    try:
        age = datetime.strptime(made_at, TIME) - datetime.strptime(snapshot["made_at"], TIME)
    except ValueError:
        return "of unknown age"
    hours = int(age.total_seconds() // 3600)
    return "%d days old" % (hours // 24) if hours >= 48 else "%d hours old" % hours if hours >= 2 else "just made"


def _snapshots(plan: Mapping[str, Any]) -> list[str]:
    """A line for each box that was planned from a snapshot."""
    boxes = [box for box in plan["boxes"] if box.get("snapshot")]
    return [
        "- %s: made at %s, %s"
        % (code(box["host"]), code(box["snapshot"]["made_at"]), _age(box["snapshot"], plan["made_at"]))
        for box in boxes
    ]


def _approval(plan: Mapping[str, Any], command: Mapping[str, Any] | None) -> list[str]:
    """How to compare the plan, and how to apply it."""
    snapshots = _snapshots(plan)
    if snapshots:
        first = "This plan was made from snapshots, not from the boxes. It can't be applied:"
        return callout("IMPORTANT", [first, *snapshots])
    if not any(box["changes"] for box in plan["boxes"]):
        return []
    lines = ["", "Digest: `%s`" % short(plan["digest"])]
    if command is not None:
        shown = printable(_command(plan, command))
        lines += ["", "This command applies exactly this plan:", "", "```console", "$ %s" % shown, "```"]
    return lines


def _command(plan: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    words = ["ansible-playbook"]
    for inventory in given.get("inventory") or ():
        words += ["-i", _shown_path(str(inventory))]
    words.append("mailinabox.admin.apply")
    if given.get("limit"):
        words += ["--limit", str(given["limit"])]
    hosts = given.get("hosts") or ()
    if hosts:
        words += ["-e", "miab_hosts=" + (hosts if isinstance(hosts, str) else ":".join(map(str, hosts)))]
    file = given.get("plan")
    words += ["-e", "miab_plan=%s" % file if file else "miab_plan_digest=%s" % plan["digest"]]
    return shlex.join(words)


def _shown_path(path: str) -> str:
    """A path in the current folder as a relative path; anything else unchanged, such as a list of hosts."""
    relative = os.path.relpath(path)
    return relative if os.path.isabs(path) and not relative.startswith(os.pardir) else path


def _is_shown(box: Mapping[str, Any]) -> bool:
    parts = ("changes", "warnings", "run_warnings", "unknown")
    # The numbers of undeclared objects fit in the line of the boxes without changes.
    notes = [note for note in box.get("notes") or () if note["kind"] != "undeclared"]
    return box["error"] is not None or bool(notes) or any(box.get(part) for part in parts)


def _unchanged(box: Mapping[str, Any]) -> str:
    notes = ", ".join(note["text"] for note in box.get("notes") or ())
    return code(box["host"]) + (" (%s)" % code(notes) if notes else "")


def plan_markdown(plan: Mapping[str, Any], command: Mapping[str, Any] | None = None) -> str:
    """The text of a plan: boxes with changes, boxes that could not be planned, and all others in one line."""
    lines = ["# Plan", "", "%s." % plan["summary"], *_approval(plan, command)]
    shown = [box for box in plan["boxes"] if _is_shown(box)]
    for box in sorted(shown, key=lambda box: (not box["changes"], box["error"] is None)):
        lines += _box(box)
    unchanged = [_unchanged(box) for box in plan["boxes"] if box not in shown]
    if unchanged:
        lines += ["", "No change: %s." % ", ".join(unchanged)]
    return "\n".join(lines) + "\n"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_markdown": plan_markdown}
