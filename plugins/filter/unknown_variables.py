# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find variables that this collection does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..plugin_utils._variables import unknown

DOCUMENTATION = r"""
name: unknown_variables
short_description: Find misspelled variables of this collection
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - The playbooks and roles of this collection use variables that begin with C(miab_). This filter returns the names
    that none of them uses, for example C(miab_alias) instead of C(miab_aliases).
options:
  _input:
    description: The names of the variables that begin with C(miab_).
    type: list
    elements: str
    required: true
  others:
    description: Names or name patterns of variables that are not for this collection.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Check for misspelled variables
  ansible.builtin.assert:
    that: query('ansible.builtin.varnames', '^miab_') | mailinabox.admin.unknown_variables | length == 0
"""

RETURN = r"""
_value:
  description:
    - The errors, each with the variable in C(where), and a message with the most similar known variable in C(why).
  type: list
  elements: dict
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unknown_variables": unknown}
