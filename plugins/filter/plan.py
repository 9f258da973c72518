# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Combine the results of miab_config for several boxes into one plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..module_utils._model.approval import FORMAT, TIME, plan_digest
from ..plugin_utils._version import VERSION

DOCUMENTATION = r"""
name: plan
short_description: Combine results of M(mailinabox.admin.miab_config) into one plan
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Takes the results of one M(mailinabox.admin.miab_config) task on many hosts and returns them as one plan.
  - The same results give the same digest, so that two plans can be compared.
  - Since 1.1.0, the result is a saved plan that M(mailinabox.admin.miab_config) takes as
    O(mailinabox.admin.miab_config#module:approved).
options:
  _input:
    description: The registered results by the name of the host.
    type: dict
    required: true
  made_at:
    description: When the plan was made, such as V(2026-11-27T15:40:07Z). Defaults to now.
    type: str
    version_added: 1.1.0
  refused:
    description:
      - Whether to return only the boxes that differ from an approved plan, with their current plan.
    type: bool
    default: false
    version_added: 1.1.0
seealso:
  - plugin: mailinabox.admin.plan_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show a summary of each box
  ansible.builtin.debug:
    msg: "{{ (results | mailinabox.admin.plan).boxes | map(attribute='summary') }}"
  vars:
    results: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'box_result'))) }}"
"""

RETURN = r"""
_value:
  description:
    - C(boxes), by name, each with its C(host), C(url), C(version), C(changes), C(warnings), C(run_warnings), C(notes), C(unknown),
      C(snapshot), C(error) (null if there is none), C(digest), and a C(summary) in one line.
    - C(summary) of all of them in one line.
    - C(format), C(made_at), C(collection) and C(digest) of the whole plan.
    - The guide to saved plans describes the format.
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
    error = str(result.get("msg", "the task failed")) if result.get("failed") else None
    planned = result.get("plan") or {}
    # The changes of a box that could not be planned can't be approved.
    changes = list(result.get("changes", [])) if error is None else []
    warnings = [str(warning) for warning in planned.get("warnings", [])]
    return {
        "host": host,
        "url": planned.get("url"),
        "version": planned.get("version"),
        "snapshot": planned.get("snapshot"),
        "changes": changes,
        "warnings": warnings,
        # Warnings about the run, not about its changes.
        "run_warnings": [str(one) for one in result.get("warnings", []) if str(one) not in warnings],
        "notes": list(result.get("notes", [])) if error is None else [],
        "unknown": list(planned.get("unknown", [])),
        "error": error,
        "digest": planned.get("digest") if error is None else None,
        # The error has one line for each error in a declaration.
        "summary": "%s: %s" % (host, _tally(changes) if error is None else "failed: " + error.partition("\n")[0]),
    }


def plan(results: Mapping[str, Mapping[str, Any]], made_at: str | None = None, refused: bool = False) -> dict[str, Any]:
    """The plan of all boxes, as data."""
    if refused:
        results = {
            host: {**result, "failed": False}
            for host, result in results.items()
            if (result.get("failure") or {}).get("code") == "plan_differs"
        }
    boxes = [_box(str(host), results[host]) for host in sorted(results)]
    planned = [box for box in boxes if box["error"] is None]
    failed = len(boxes) - len(planned)
    changes = [change for box in boxes for change in box["changes"]]
    # A box that could not be planned may change or not.
    parts = [_tally(changes)] if planned or changes or not boxes else []
    if failed:
        parts.append("%d failed" % failed)
    summary = "%s: %s" % (_counted(len(boxes), "box", "boxes"), "; ".join(parts))
    return {
        "format": FORMAT,
        "made_at": made_at or datetime.now(timezone.utc).strftime(TIME),
        "collection": VERSION,
        "digest": plan_digest(boxes),
        "summary": summary,
        "boxes": boxes,
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan": plan}
