#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the custom DNS values of one name and type."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_dns_record
short_description: Keep custom DNS records of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes the custom DNS values of one name and one type on a Mail-in-a-Box server what the task declares.
  - A box stores values that its name server can't read, or a CNAME beside other data, and then the whole zone goes down.
    So every value is checked before anything is sent.
options:
  name:
    description:
      - The full name, such as V(www.example.org), in a zone of the box. V(*) may be its first label.
      - Capital letters and a final dot mean nothing. It may be written in Unicode or in IDNA.
    type: str
    required: true
  type:
    description:
      - The type of record - V(A), V(AAAA), V(CAA), V(CNAME), V(MX), V(NS), V(SRV), V(SSHFP) or V(TXT).
      - A box keeps no others. TLSA records and DNSSEC it makes itself.
      - V(CAA), V(MX), V(SRV) and V(SSHFP) need the Python library C(dnspython).
    type: str
    required: true
  value:
    description:
      - One value. See O(values).
    type: str
  values:
    description:
      - The values, in any order, a list of texts or one text. A text is never split at its commas.
      - O(state=present) needs O(value) or O(values). With O(state=absent), leave both out to remove all values.
      - For V(A) and V(AAAA), V(local) stands for the box's own address, whatever it is.
      - For V(TXT), write the text without quotes around it, which the box adds.
      - For V(MX) and V(SRV), host names end in a dot.
    type: raw
  exclusive:
    description:
      - Whether the declared values are to be the only ones of this name and type. Without it other values stay.
      - A name has at most one CNAME, so to replace one needs this.
    type: bool
    default: false
  state:
    description:
      - Whether the values are to be there.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# Which box, and who signs in there, comes from module_defaults (group/mailinabox.admin.box)
# or from MIAB_HOST, MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: The website is elsewhere
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    values: [192.0.2.1, 192.0.2.2]
    exclusive: true

- name: A domain is verified by a text among others
  mailinabox.admin.miab_dns_record:
    name: example.org
    type: TXT
    value: "verification=1234, 5678"

- name: Mailing lists live on another server
  mailinabox.admin.miab_dns_record:
    name: lists.example.org
    type: MX
    value: 10 mx.example.net.

- name: The old blog is gone
  mailinabox.admin.miab_dns_record:
    name: blog.example.org
    type: CNAME
    state: absent
"""

RETURN = r"""
dns_record:
  description: The values as the box has them now, or would have them in check mode, in the form of the options.
  returned: success
  type: dict
  sample: {"name": "www.example.org", "type": "A", "values": ["192.0.2.1", "192.0.2.2"], "state": "present"}
calls:
  description:
    - What was sent to change the box, in order; in check mode, what would be sent.
    - When the task fails, what had been sent by then.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "PUT", "path": "/dns/custom/www.example.org/A", "body": "192.0.2.1"}]
requests:
  description: How many requests the task made, to read and to write.
  returned: always
  type: dict
  sample: {"reads": 3, "writes": 1}
failure:
  description: Why the task failed, for a playbook to test - C(code), C(message) and C(details).
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
