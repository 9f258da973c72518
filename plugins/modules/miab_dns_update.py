#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a box write its zones."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_dns_update
short_description: Have a Mail-in-a-Box publish its DNS anew
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Has a Mail-in-a-Box server compare its zones with what it should publish, and write those that differ.
  - A box does so by itself after each change by its API. The task is for what is changed in another way, and for a zone
    that a failure has left behind.
  - The task is changed if the box says that it updated something. In check mode nobody can tell beforehand. Without
    O(force) no change is predicted, which is right unless the box has something to catch up on; with O(force) a change
    is predicted, which is always right.
  - In check mode, the task signs in and reads the zones. It fails if the box can't be reached or refuses the credentials.
options:
  force:
    description:
      - Write and sign all zones, whether they differ or not. The task is then changed each time.
    type: bool
    default: false
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_web_update
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: The zones are what the box knows
  mailinabox.admin.miab_dns_update:

- name: All zones are written and signed anew
  mailinabox.admin.miab_dns_update:
    force: true
"""

RETURN = r"""
dns_update:
  description:
    - The option C(force), and under C(updated) the zones that the box wrote, or what else it says that it updated.
    - In check mode there is no C(updated), because it can't be foretold.
  returned: success
  type: dict
  sample: {"force": true, "updated": ["example.com", "example.org"]}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/dns/update", "form": {"force": "1"}}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 1, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "outcome_unknown", "message": "POST /dns/update: the box answers 500 ...", "details": {"status": 500}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import updates

TASK = Task(
    name="dns_update",
    options={"force": {"type": "bool", "default": False}},
    planner=updates.DNS_PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
