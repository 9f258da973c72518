# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that a box needs at a DNS provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._values.errors import BoxError
from ..plugin_utils import _dns_model

DOCUMENTATION = r"""
name: dns_wanted
short_description: Return the DNS records that a Mail-in-a-Box needs at a DNS provider
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Converts the subset C(dns_dump) of M(mailinabox.admin.miab_info) to record sets by zone, including custom records.
  - Leaves out the records of the box's own name server, such as NS records of the zone and the addresses of C(ns1) and
    C(ns2) of the box.
  - Requires the Python library dnspython on the controller.
positional: _input
options:
  _input:
    description: The subset C(dns_dump) of M(mailinabox.admin.miab_info).
    type: list
    elements: dict
    required: true
  zones:
    description:
      - The zones at the DNS provider. Each record goes into the zone that contains its name. Records outside of these
        zones are left out.
      - Defaults to the zones of the box. Set it if the provider has C(example.com) and the box has only
        C(box.example.com), or if the provider has only some of the zones.
    type: list
    elements: str
    default: []
  leave_out:
    description:
      - Records to leave out. Each entry is a category, a name pattern such as C(www.*), or patterns of a name and a
        type such as C(example.org A).
      - The categories are C(box), C(mail), C(spf), C(dkim), C(dmarc), C(mta-sts), C(tlsa), C(autoconfig), C(caldav),
        C(no-mail), C(website), C(custom) and C(other).
    type: list
    elements: str
    default: []
  ttl:
    description: The TTL of the records, in seconds.
    type: int
    default: 3600
seealso:
  - plugin: mailinabox.admin.dns_zone_file
    plugin_type: filter
  - module: mailinabox.admin.dns_push
  - module: mailinabox.admin.dns_verify
"""

EXAMPLES = r"""
- name: Read what the box publishes
  mailinabox.admin.miab_info:
    gather_subset: dns_dump
  register: box

- name: Show the records that the provider needs, except those of websites
  ansible.builtin.debug:
    msg: "{{ box.dns_dump | mailinabox.admin.dns_wanted(leave_out=['website']) }}"
"""

RETURN = r"""
_value:
  description:
    - The zones. Each has its name in C(zone), the host name of the box in C(box), the record sets in C(records), and
      the records that were left out, with the reasons, in C(left_out).
    - A record set has C(name), C(type), C(ttl) and C(values). C(level) is V(required), V(recommended), V(optional) or
      V(custom), as the box reports it. C(category) is one of the categories above. C(consequence) describes what
      doesn't work without the record. C(may_differ) is true for an address that may have another value.
    - A TXT value is one string without quotes.
  type: list
  elements: dict
  sample:
    - zone: example.org
      box: box.example.com
      records:
        - name: example.org
          type: MX
          ttl: 3600
          values: ["10 box.example.com."]
          level: required
          category: mail
          may_differ: false
          explanation: Required. Specifies the hostname (and priority) of the machine that handles @example.org mail.
          consequence: No mail arrives for the domain.
      left_out: []
"""


def dns_wanted(
    dump: Sequence[Mapping[str, Any]], zones: Sequence[str] = (), leave_out: Sequence[str] = (), ttl: int = 3600
) -> list[dict[str, Any]]:
    """The wanted records of each zone."""
    try:
        return _dns_model.wanted(dump, zones, leave_out, ttl)
    except BoxError as error:
        raise AnsibleFilterError("dns_wanted: %s" % error) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dns_wanted": dns_wanted}
