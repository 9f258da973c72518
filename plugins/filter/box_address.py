# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a host's box, and whether secrets from the environment may be sent there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._values.names import host_of

DOCUMENTATION = r"""
name: box_address
short_description: Return the address of a host's box
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Returns the address of the box for a host without the variable C(miab_host), which is the name of the host.
  - Fails if a secret from the environment would be sent to this host, because the secret may be meant for another host.
options:
  _input:
    description: The name of the host in the inventory.
    type: str
    required: true
  defined:
    description: The names of the host's variables that begin with C(miab_).
    type: list
    elements: str
    required: true
  environment:
    description:
      - The secrets from the environment, by the names of the module options. An empty secret is ignored.
      - C(host) is the value of E(MIAB_HOST). The secrets may be sent to the host that it names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the address of the box
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | mailinabox.admin.box_address(['miab_password'], secrets) }}"
  vars:
    secrets:
      password: "{{ lookup('ansible.builtin.env', 'MIAB_PASSWORD') }}"
"""

RETURN = r"""
_value:
  description: The address of the box.
  type: str
"""


def box_address(host: str, defined: Iterable[str], environment: Mapping[str, str]) -> str:
    """The address of a host's box.

    :raises AnsibleFilterError: if a secret from the environment would be sent to it and may be meant for another host.
    """
    named = environment.get("host")
    if named and host_of(named) == host.rstrip(".").lower():
        return str(named)
    strays = [
        option
        for option, secret in environment.items()
        if secret and option != "host" and "miab_" + option not in defined
    ]
    if strays:
        raise AnsibleFilterError(
            "%s: the environment has %s, which may be for another host, so nothing was sent."
            ' If the secret is for this host, set miab_host: "{{ inventory_hostname }}" for it, for example in the'
            " variables of its group. Otherwise unset the environment variable, or define %s for this host."
            % (
                host,
                " and ".join("MIAB_" + option.upper() for option in strays),
                " and ".join("miab_" + option for option in strays),
            )
        )
    return host


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"box_address": box_address}
