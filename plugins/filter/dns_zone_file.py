# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export the wanted records of a zone to a file for another tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._dns_export import FORMATS

DOCUMENTATION = r"""
name: dns_zone_file
short_description: Write a zone as a file for BIND, octoDNS or DNSControl
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Returns the wanted records of a zone as a file for another tool, or for the import function of a DNS provider.
positional: _input, format
options:
  _input:
    description: A zone, as P(mailinabox.admin.dns_wanted#filter) returns it.
    type: dict
    required: true
  format:
    description:
      - V(bind) is a zone file without SOA and NS records. Most providers can import it.
      - V(octodns) is a YAML file for octoDNS's C(YamlProvider). TXT values with quotes or backslashes are left out,
        because the providers of octoDNS write them in different ways.
      - V(dnscontrol) is a C(D_EXTEND) call for a domain that your C(dnsconfig.js) declares before it. It adds the
        records and does not change others.
    type: str
    choices: [bind, dnscontrol, octodns]
    default: bind
seealso:
  - plugin: mailinabox.admin.dns_wanted
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read what the box publishes
  mailinabox.admin.miab_info:
    gather_subset: dns_dump
  register: box

- name: Write a zone file for each zone
  ansible.builtin.copy:
    content: "{{ item | mailinabox.admin.dns_zone_file('bind') }}"
    dest: "{{ item.zone }}.zone"
    mode: "0644"
  loop: "{{ box.dns_dump | mailinabox.admin.dns_wanted }}"
  loop_control:
    label: "{{ item.zone }}"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""


def dns_zone_file(zone: Mapping[str, Any], format: str = "bind") -> str:
    """The text of a file.

    :param format: a key of FORMATS.
    :raises AnsibleFilterError: if it is unknown.
    """
    if format not in FORMATS:
        raise AnsibleFilterError("dns_zone_file: unknown format %r. Use one of: %s" % (format, ", ".join(FORMATS)))
    return FORMATS[format](zone)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dns_zone_file": dns_zone_file}
