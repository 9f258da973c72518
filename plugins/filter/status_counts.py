# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the status checks of a box by result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..plugin_utils import _parsing

DOCUMENTATION = r"""
name: status_counts
short_description: Count the status checks of a Mail-in-a-Box by their result
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Counts the status checks that P(mailinabox.admin.problems#filter) reads, including ignored ones.
positional: _input
options:
  _input:
    description: The subset C(status_checks) of M(mailinabox.admin.miab_info).
    type: list
    elements: dict
    required: true
  status_except:
    description: As for P(mailinabox.admin.problems#filter).
    type: list
    elements: str
    default: []
  dns_hosting:
    description: As for P(mailinabox.admin.problems#filter).
    type: str
    choices: [box, secondaries, provider]
    default: box
seealso:
  - plugin: mailinabox.admin.problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Run the status checks
  mailinabox.admin.miab_info:
    gather_subset: status_checks
  register: box

- name: Show how many failed
  ansible.builtin.debug:
    msg: "{{ (box.status_checks | mailinabox.admin.status_counts(dns_hosting='provider')).error }}"
"""

RETURN = r"""
_value:
  description:
    - The number of status checks with the results C(ok), C(warning) and C(error), and of those that are C(ignored).
  type: dict
  sample: {"ok": 40, "warning": 1, "error": 0, "ignored": 3}
"""

_RESULTS = ("ok", "warning", "error", "ignored")


def status_counts(
    checks: Sequence[Mapping[str, Any]], status_except: Sequence[str] = (), dns_hosting: str = "box"
) -> dict[str, int]:
    """The number of findings by result."""
    counts = Counter(kind for kind, _heading, _text in _parsing.findings(checks, status_except, dns_hosting))
    return {result: counts[result] for result in _RESULTS}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"status_counts": status_counts}
