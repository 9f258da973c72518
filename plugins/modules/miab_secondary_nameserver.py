#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the secondary name servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_secondary_nameserver
short_description: Manage the secondary name servers of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Sets the list of secondary name servers of a Mail-in-a-Box server.
options:
  hostnames:
    description:
      - The complete list. Other entries are removed, and an empty list removes all. The order makes no difference.
      - An entry is the host name of a name server that the box can resolve, or V(xfr:) and an address or network. The latter is
        allowed to transfer the zones and does not appear in their NS records.
      - You can write host names in Unicode or in IDNA.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_dns_record
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Use a secondary name server, and let another host transfer the zones
  mailinabox.admin.miab_secondary_nameserver:
    hostnames:
      - ns2.example.net
      - xfr:192.0.2.60

- name: Remove all secondary name servers
  mailinabox.admin.miab_secondary_nameserver:
    hostnames: []
"""

RETURN = r"""
secondary_nameserver:
  description: The list after the task, in the form of the options. In check mode, the predicted list.
  returned: success
  type: dict
  sample: {"hostnames": ["ns2.example.net", "xfr:192.0.2.60"]}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/dns/secondary-nameserver", "form": {"hostnames": "ns2.example.net,xfr:192.0.2.60"}}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "refused", "message": "POST /dns/secondary-nameserver: the box refused the request: Could not ...", "details": {}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import nameservers

TASK = Task(
    name="secondary_nameserver",
    options={"hostnames": {"type": "list", "elements": "str", "required": True}},
    planner=nameservers.PLANNER,
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
