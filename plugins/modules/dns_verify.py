#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: see plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_verify
short_description: Verify that name servers have the DNS records of a Mail-in-a-Box
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Queries each authoritative name server of each zone for the records that P(mailinabox.admin.dns_wanted#filter) returns,
    and compares the answers. Changes nothing.
  - The order of values doesn't matter. The parts of a TXT value are joined before they are compared.
  - Wrong records do not make the task fail. Test RV(ok), or use the role P(mailinabox.admin.dns#role).
  - Runs on the controller, which needs the Python library dnspython.
options:
  zones:
    description:
      - The wanted records, as P(mailinabox.admin.dns_wanted#filter) returns them.
      - You can also write zones yourself. A zone has C(zone) and C(records), and each record has C(name), C(type) and C(values).
    type: list
    elements: dict
    required: true
  servers:
    description:
      - The IP addresses of the name servers to query, each with or without a port. Use it for a name server that the zone
        is not delegated to, such as an internal one.
      - Defaults to the name servers to which each zone is delegated.
    type: list
    elements: str
    default: []
  resolvers:
    description: The IP addresses of the resolvers that are used to find the name servers of a zone, each with or without a
      port. Defaults to the resolvers of the system.
    type: list
    elements: str
    default: []
  timeout:
    description: How many seconds to wait for an answer. A query without an answer is repeated once.
    type: float
    default: 3
  wait:
    description:
      - How many seconds to repeat the queries while a record is wrong, for example after a push. Many providers need seconds,
        and some need minutes, until all their name servers have a change.
    type: int
    default: 0
attributes:
  diff_mode:
    description: The module changes nothing.
    support: none
extends_documentation_fragment:
  - mailinabox.admin.attributes
seealso:
  - plugin: mailinabox.admin.dns_wanted
    plugin_type: filter
  - plugin: mailinabox.admin.dns_markdown
    plugin_type: filter
  - module: mailinabox.admin.dns_push
"""

EXAMPLES = r"""
- name: Read what the box publishes
  mailinabox.admin.miab_info:
    gather_subset: dns_dump
  register: box

- name: Query the name servers
  mailinabox.admin.dns_verify:
    zones: "{{ box.dns_dump | mailinabox.admin.dns_wanted }}"
  register: dns

- name: Fail if the DNS is not right
  ansible.builtin.assert:
    that: dns.ok

- name: Wait until the box's own name server has a record
  mailinabox.admin.dns_verify:
    zones:
      - zone: example.org
        records:
          - name: _acme-challenge.example.org
            type: TXT
            values: [gfj9Xq...Rg85nM]
    servers: [192.0.2.10]
    wait: 60
"""

RETURN = r"""
ok:
  description: Whether all wanted records are right on all name servers.
  returned: success
  type: bool
  sample: true
zones:
  description:
    - The state of each zone. C(text) is the reason if no name server could be queried, and empty otherwise.
    - The C(status) of a record is V(right), V(missing), V(different), V(extra) (there is an additional value), V(cut) (the
      end of a text is missing), V(cname) (the name has a CNAME) or V(unknown) (no answer). C(servers) lists the servers
      with this status, if others are right.
    - The C(status) of a server is V(ok), V(stale) (it has an older version of the zone), V(lame) or V(refused) (the
      zone is delegated to this server, which does not have it), V(servfail), V(timeout), V(nxdomain) or V(broken).
  returned: success
  type: list
  elements: dict
  sample:
    - zone: example.org
      ok: false
      text: ""
      servers: [{"server": "ns1.example.net (192.0.2.53)", "status": "ok", "text": ""}]
      counts: {"missing": 1, "right": 12}
      records:
        - name: example.org
          type: MX
          status: missing
          text: there is no such record
          wanted: ["10 box.example.com."]
          found: []
          servers: []
          level: required
          category: mail
          consequence: No mail arrives for the domain.
problems:
  description:
    - The problems, each with its C(text), its C(zone), and the C(level) of the most important record. Records of a category
      with the same problem share an entry.
  returned: success
  type: list
  elements: dict
  sample:
    - zone: example.org
      level: required
      text: "example.org: example.org MX is missing. No mail arrives for the domain."
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "missing_library", "message": "The Python library dnspython is needed ...", "details": {}}
"""
