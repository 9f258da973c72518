# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that nobody reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..plugin_utils._variables import unknown

DOCUMENTATION = r"""
name: unknown_variables
short_description: Find misspelt variables of this collection
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Playbooks and roles of this collection read variables that begin with C(miab_). This filter returns those that none of
    them reads, such as C(miab_alias) where C(miab_aliases) was meant.
options:
  _input:
    description: The names of the variables that begin with C(miab_).
    type: list
    elements: str
    required: true
  others:
    description: Names, or patterns of names, of variables that are not meant for this collection.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Refuse misspelt variables
  ansible.builtin.assert:
    that: query('ansible.builtin.varnames', '^miab_') | mailinabox.admin.unknown_variables | length == 0
"""

RETURN = r"""
_value:
  description: The mistakes, each with C(where), which is the variable, and C(why), which names the variable that is nearest.
  type: list
  elements: dict
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unknown_variables": unknown}
