#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the custom DNS records of one name and type."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_dns_record
short_description: Manage custom DNS records of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Manages the custom DNS values of one name and one type on a Mail-in-a-Box server.
  - A box stores values that its name server can't load, and a CNAME beside other records. Then the whole zone disappears from
    DNS. So the task checks every value before it sends anything.
options:
  name:
    description:
      - The full name, such as V(www.example.org), in a zone of the box. The first label can be V(*).
      - Upper and lower case are equal, and a final dot makes no difference. You can write the name in Unicode or in IDNA.
    type: str
    required: true
  type:
    description:
      - The record type - V(A), V(AAAA), V(CAA), V(CNAME), V(MX), V(NS), V(SRV), V(SSHFP) or V(TXT).
      - A box has no custom records of other types. It creates TLSA and DNSSEC records by itself.
      - V(CAA), V(MX), V(SRV) and V(SSHFP) require the Python library C(dnspython).
    type: str
    required: true
  value:
    description:
      - One value. See O(values).
    type: str
  values:
    description:
      - The values, in any order, as a list of strings or one string. A string is not split at commas.
      - O(state=present) requires O(value) or O(values). With O(state=absent), leave both out to remove all values.
      - For V(A) and V(AAAA), V(local) means the box's own address.
      - For V(TXT), write the text without surrounding quotes. The box adds them.
      - For V(MX) and V(SRV), end host names with a dot.
    type: raw
  exclusive:
    description:
      - Whether to remove all other values of this name and type. By default, other values stay.
      - A name can have only one CNAME, so you need this option to replace a CNAME.
    type: bool
    default: false
  state:
    description:
      - Whether the values exist.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Point the website to two other servers
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    values: [192.0.2.1, 192.0.2.2]
    exclusive: true

- name: Add a verification text, and keep other TXT values
  mailinabox.admin.miab_dns_record:
    name: example.org
    type: TXT
    value: "verification=1234, 5678"

- name: Deliver the mail of a subdomain to another server
  mailinabox.admin.miab_dns_record:
    name: lists.example.org
    type: MX
    value: 10 mx.example.net.

- name: Remove a CNAME
  mailinabox.admin.miab_dns_record:
    name: blog.example.org
    type: CNAME
    state: absent
"""

RETURN = r"""
dns_record:
  description: The values after the task, in the form of the options. In check mode, the predicted values.
  returned: success
  type: dict
  sample: {"name": "www.example.org", "type": "A", "values": ["192.0.2.1", "192.0.2.2"], "state": "present"}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "PUT", "path": "/dns/custom/www.example.org/A", "body": "192.0.2.1"}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 3, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "invalid_option", "message": "type: 'TLSA': ...", "details": {"option": "type", "value": "TLSA"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import dns

TASK = Task(
    name="dns_record",
    options=dns.OPTIONS,
    rules=dns.RULES,
    planner=dns.PLANNER,
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
