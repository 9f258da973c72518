# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What miab_config told of several boxes, as one plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: plan
short_description: Put together what M(mailinabox.admin.miab_config) told of several boxes
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Takes the results of one task on many hosts, and keeps what a person or a program wants to know of them.
  - The same results give the same plan, so that two plans can be compared.
options:
  _input:
    description: The registered results by the name of the host.
    type: dict
    required: true
seealso:
  - plugin: mailinabox.admin.plan_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Tell how each box is
  ansible.builtin.debug:
    msg: "{{ (results | mailinabox.admin.plan).boxes | map(attribute='summary') }}"
  vars:
    results: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'box_result'))) }}"
"""

RETURN = r"""
_value:
  description:
    - C(boxes), by name, each with its C(host), C(changes), C(warnings), C(error) (null if there is none) and a C(summary)
      in one line.
    - C(summary) of all of them in one line.
  type: dict
"""

_ACTIONS = ("create", "update", "remove")
_WORDS = {"create": "creation", "update": "change", "remove": "removal"}


def _counted(number: int, word: str, words: str = "") -> str:
    return "%d %s" % (number, word if number == 1 else words or word + "s")


def _tally(changes: list[Mapping[str, Any]]) -> str:
    counts = Counter(change["action"] for change in changes)
    return ", ".join(_counted(counts[action], _WORDS[action]) for action in _ACTIONS if counts[action]) or "no change"


def _box(host: str, result: Mapping[str, Any]) -> dict[str, Any]:
    changes = list(result.get("changes", []))
    error = str(result.get("msg", "the task failed")) if result.get("failed") else None
    return {
        "host": host,
        "changes": changes,
        "warnings": [str(warning) for warning in result.get("warnings", [])],
        "error": error,
        "summary": "%s: %s" % (host, _tally(changes) if error is None else "failed: " + error),
    }


def plan(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The plan of all boxes, as data."""
    boxes = [_box(str(host), results[host]) for host in sorted(results)]
    planned = [box for box in boxes if box["error"] is None]
    failed = len(boxes) - len(planned)
    changes = [change for box in boxes for change in box["changes"]]
    # Nobody knows whether a box would change that could not be planned.
    parts = [_tally(changes)] if planned or changes or not boxes else []
    if failed:
        parts.append("%d failed" % failed)
    summary = "%s: %s" % (_counted(len(boxes), "box", "boxes"), "; ".join(parts))
    return {"summary": summary, "boxes": boxes}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan": plan}
