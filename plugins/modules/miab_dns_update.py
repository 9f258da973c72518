#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuild the DNS zones of a box."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_dns_update
short_description: Rebuild the DNS zones of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes a Mail-in-a-Box server compare its zones with the records that it has to publish, and rewrite the zones that differ.
  - A box does this by itself after each change through its API. Use this task after changes that were made in another way, or
    if a failure left a zone out of date.
  - The task reports a change if the box reports that it updated something. Check mode can't predict that. Without O(force) it
    predicts no change, which is wrong if a zone is out of date. With O(force) it predicts a change, which is always right.
  - In check mode, the task signs in and reads the zones. It fails if the box can't be reached or refuses the credentials.
options:
  force:
    description:
      - Rewrite and sign all zones, even if they don't differ. Then the task always reports a change.
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
- name: Rewrite the zones that are out of date
  mailinabox.admin.miab_dns_update:

- name: Rewrite and sign all zones
  mailinabox.admin.miab_dns_update:
    force: true
"""

RETURN = r"""
dns_update:
  description:
    - The option C(force), and C(updated), which lists the zones and other things that the box reports as updated.
    - C(updated) is left out in check mode, because it can't be predicted.
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
  sample: {"code": "outcome_unknown", "message": "POST /dns/update: the box answered 500 ...", "details": {"status": 500}}
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
