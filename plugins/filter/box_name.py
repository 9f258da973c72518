# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a box is called in files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._boxes import LOCAL, host_of

DOCUMENTATION = r"""
name: box_name
short_description: Tell the name of a host's box, fit to name a file
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - A box is called as its host is in the inventory. Without an inventory Ansible calls the only host C(localhost); then
    the name is that of the box itself.
  - It fails if the name can't name a file, for example because it leads to another folder.
options:
  _input:
    description: The name of the host.
    type: str
    required: true
  host:
    description: Where its box is - a name, a name and a port, or a URL. Empty if nobody says so.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: See what the file will be called
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
    """
    :raises AnsibleFilterError: if no file can be called so.
    """
    name = str(inventory_hostname)
    if name == LOCAL and host:
        name = host_of(str(host)) or name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise AnsibleFilterError(
            "No file is called as this box: %.100s. Give the host another name in the inventory, of letters, digits "
            "and _ . - only, and say in miab_host where its box is." % ascii(name)
        )
    return name


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"box_name": box_name}
