# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a box in files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._values.names import host_of
from ..plugin_utils._boxes import LOCAL

DOCUMENTATION = r"""
name: box_name
short_description: Return the name of a host's box, for use in file names
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - The name of a box is the name of its host in the inventory. Without an inventory, Ansible's only host is
    C(localhost). The filter then returns the host name of the box.
  - Fails if the name is not a safe file name, for example because it leads to another folder.
options:
  _input:
    description: The name of the host.
    type: str
    required: true
  host:
    description: The address of the box, as a host name, a host name with a port, or a URL. Can be empty.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the name of the file
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | mailinabox.admin.box_name(miab_host | default('')) }}.yml"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LONGEST = 200


def box_name(inventory_hostname: str, host: str = "") -> str:
    """The name of a box.

    :raises AnsibleFilterError: if it is not a safe file name.
    """
    name = str(inventory_hostname)
    if name == LOCAL and host:
        name = host_of(str(host)) or name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise AnsibleFilterError(
            "The host name %.100s can't be used as a file name. Rename the host in the inventory, with letters, digits "
            "and _ . - only, and set miab_host to the address of the box." % ascii(name)
        )
    return name


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"box_name": box_name}
