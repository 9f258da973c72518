# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of zones as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..module_utils._model.wording import shortened
from ..plugin_utils._dns_compare import STATUS_WORDS
from ..plugin_utils._markdown import callout, code

DOCUMENTATION = r"""
name: dns_markdown
short_description: Show the state of DNS zones as tables in Markdown
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Shows the wrong records of each box and zone, and what doesn't work because of them. Zones without problems share a
    line.
  - Values are escaped and can't be read as Markdown or HTML.
options:
  _input:
    description: The fact C(miab_dns) of the role P(mailinabox.admin.dns#role), by the name of the host.
    type: dict
    required: true
seealso:
  - plugin: mailinabox.admin.dns
    plugin_type: role
"""

EXAMPLES = r"""
- name: Write the state of the zones
  ansible.builtin.copy:
    content: "{{ {inventory_hostname: miab_dns} | mailinabox.admin.dns_markdown }}"
    dest: dns.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The text, with a heading for each box and each zone with problems, and tables of the wrong records.
  type: str
"""


def _values(values: Sequence[str]) -> str:
    return "<br>".join(code(shortened(value)) for value in values) or "(none)"


def _zone(zone: Mapping[str, Any], kept: Mapping[tuple[str, str], str]) -> list[str]:
    lines = ["", "### %s" % code(zone["zone"])]
    if zone["text"]:
        return [*lines, *callout("CAUTION", [code(zone["text"])])]
    bad = ["%s: %s" % (code(row["server"]), row["text"]) for row in zone["servers"] if row["status"] != "ok"]
    if bad:
        lines += callout("WARNING", ["- " + line for line in bad])
    wrong = [record for record in zone["records"] if record["status"] != "right"]
    if wrong:
        lines += ["", "| record | state | wanted | found | without it |", "|---|---|---|---|---|"]
    for record in wrong:
        state = "**%s**: %s" % (STATUS_WORDS[record["status"]], code(record["text"]))
        if record["servers"]:
            state += "<br>on %s" % ", ".join(map(code, record["servers"]))
        if (record["name"], record["type"]) in kept:
            state += "<br>not pushed: %s" % code(kept[record["name"], record["type"]])
        cells = (
            "%s %s<br>%s" % (code(record["name"]), code(record["type"]), record["level"]),
            state,
            _values(record["wanted"]),
            _values(record["found"]),
            record["consequence"],
        )
        lines.append("| %s |" % " | ".join(cells))
    right = zone["counts"].get("right", 0)
    return [*lines, "", "%d of %d records are right." % (right, len(zone["records"]))]


def _box(host: str, state: Mapping[str, Any]) -> list[str]:
    lines = ["", "## %s" % code(host)]
    if state["error"]:
        lines += callout("CAUTION", [code(line) for line in state["error"].splitlines()])
    if state["changes"]:
        lines += ["", "%d changes at the provider." % len(state["changes"])]
    kept = {(row["name"], row["type"]): row["reason"] for row in state["kept"]}
    for zone in state["zones"]:
        if not zone["ok"]:
            lines += _zone(zone, kept)
    right = [code(zone["zone"]) for zone in state["zones"] if zone["ok"]]
    if right:
        lines += ["", "Right: %s." % ", ".join(right)]
    return lines


def dns_markdown(states: Mapping[str, Mapping[str, Any]]) -> str:
    """The text: boxes with problems first."""
    lines = ["# DNS"]
    for host in sorted(states, key=lambda host: (states[host]["ok"], host)):
        lines += _box(host, states[host])
    return "\n".join(lines) + "\n"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dns_markdown": dns_markdown}
