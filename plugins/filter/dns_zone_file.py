# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with the wanted records of a zone, for another tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._dns_export import FORMATS

DOCUMENTATION = r"""
name: dns_zone_file
short_description: A zone as a file of BIND, octoDNS or DNSControl
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes a file for another tool, or for the import of a DNS provider, of the wanted records of a zone.
positional: _input, format
options:
  _input:
    description: A zone, as P(mailinabox.admin.dns_wanted#filter) returns it.
    type: dict
    required: true
  format:
    description:
      - V(bind) is a zone file without SOA and NS records. Most providers can import it.
      - V(octodns) is the YAML file of octoDNS's C(YamlProvider). Texts with quotes or backslashes are not in it, because
        octoDNS's providers differ in how they write them.
      - V(dnscontrol) is a C(D_EXTEND) call for a domain that your C(dnsconfig.js) declares before it. It adds the records
        and leaves all others alone.
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
    """The text of a file in one of FORMATS."""
    if format not in FORMATS:
        raise AnsibleFilterError("dns_zone_file: %r is not a format; the formats are %s" % (format, ", ".join(FORMATS)))
    return FORMATS[format](zone)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dns_zone_file": dns_zone_file}
