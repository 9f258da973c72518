#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the list of secondary name servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_secondary_nameserver
short_description: Keep the secondary name servers of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes the list of secondary name servers of a Mail-in-a-Box server what the task declares.
options:
  hostnames:
    description:
      - The whole list. What isn't in it is removed, and an empty list removes all. The order means nothing.
      - An entry is the host name of a name server, which the box has to be able to resolve, or V(xfr:) and an address or
        a network that may transfer the zones without being named in them.
      - Host names may be written in Unicode or in IDNA.
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
# Which box, and who signs in there, comes from module_defaults (group/mailinabox.admin.box)
# or from MIAB_HOST, MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Two name servers elsewhere answer for the box's zones
  mailinabox.admin.miab_secondary_nameserver:
    hostnames:
      - ns2.example.net
      - xfr:192.0.2.60

- name: The box is on its own again
  mailinabox.admin.miab_secondary_nameserver:
    hostnames: []
"""

RETURN = r"""
secondary_nameserver:
  description: The list as the box has it now, or would have it in check mode, in the form of the options.
  returned: success
  type: dict
  sample: {"hostnames": ["ns2.example.net", "xfr:192.0.2.60"]}
calls:
  description:
    - What was sent to change the box, in order; in check mode, what would be sent.
    - When the task fails, what had been sent by then.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/dns/secondary-nameserver", "form": {"hostnames": "ns2.example.net,xfr:192.0.2.60"}}]
requests:
  description: How many requests the task made, to read and to write.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, for a playbook to test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "refused", "message": "POST /dns/secondary-nameserver: the box refuses: Could not resolve ...", "details": {}}
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
