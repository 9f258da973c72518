# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the box of a host is, and whether secrets of the environment may go there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._boxes import host_of

DOCUMENTATION = r"""
name: box_address
short_description: Tell where the box of a host is
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Returns the name of the host, for a host that has no variable C(miab_host).
  - Fails if a secret of the environment would go there, because the environment doesn't say for which host it is.
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
      - The secrets of the environment by the names of the modules' options. An empty one is none.
      - If there is a C(host), it is the value of E(MIAB_HOST), and the host that it names may get them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where the box is
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | mailinabox.admin.box_address(['miab_password'], secrets) }}"
  vars:
    secrets:
      password: "{{ lookup('ansible.builtin.env', 'MIAB_PASSWORD') }}"
"""

RETURN = r"""
_value:
  description: The name of the host.
  type: str
"""


def box_address(host: str, defined: Iterable[str], environment: Mapping[str, str]) -> str:
    """The address of a host's box, unless it would get a secret that nobody meant for it."""
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
            ' If this host is a box and the secret is for it, set miab_host: "{{ inventory_hostname }}" for it,'
            " for example in the variables of its group. If not, unset it, or define %s for this host."
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
