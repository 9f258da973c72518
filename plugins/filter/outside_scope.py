# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what a declaration with a scope can't have, in variables of the role box."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils._scopes import domains_of, outside

DOCUMENTATION = r"""
name: outside_scope
short_description: Find certificates and MFA devices outside a scope
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Checks the variables that only the role P(mailinabox.admin.box#role) uses. M(mailinabox.admin.miab_config) checks the
    others itself.
options:
  _input:
    description: The values of C(miab_certificates), C(miab_mfa) and C(miab_publish_dns), as far as they are defined.
    type: dict
    required: true
  scope:
    description: The value of C(miab_scope), as O(mailinabox.admin.miab_config#module:scope).
    type: list
    elements: str
  exclude:
    description: Domains of other declarations, as O(mailinabox.admin.miab_config#module:scope_exclude).
    type: list
    elements: str
    default: []
  host:
    description: The address of the box.
    type: str
    default: ""
  account:
    description: The account that signs in.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Check the certificates
  ansible.builtin.assert:
    that: "{'miab_certificates': miab_certificates} | mailinabox.admin.outside_scope(miab_scope) | length == 0"
"""

RETURN = r"""
_value:
  description: The errors, each with the entry in C(where), and the reason in C(why).
  type: list
  elements: dict
"""


def outside_scope(
    declared: Mapping[str, Any],
    scope: Any = None,
    exclude: Sequence[str] | None = None,
    host: str | None = None,
    account: str | None = None,
) -> list[dict[str, str]]:
    """The errors ``{where, why}`` of what is outside the scope."""
    try:
        domains = None if scope is None else domains_of("miab_scope", scope)
    except TypeError:
        # The filter boxes reports it.
        return []
    variables = {**declared, "miab_publish_dns": boolean(str(declared.get("miab_publish_dns")), strict=False)}
    return [mistake._asdict() for mistake in outside(variables, domains, exclude or (), host or "", account or "")]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"outside_scope": outside_scope}
