#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the machine under a box."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_system
short_description: Keep the machine under a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Sets whether a Mail-in-a-Box server asks for new versions of itself, upgrades its packages, and restarts it where
    that is due - in this order.
  - An option that is left out stays as it is on the box.
options:
  privacy:
    description:
      - V(true) keeps the box from asking whether there is a new version of Mail-in-a-Box, which would tell the project
        that it exists.
    type: bool
  packages:
    description:
      - V(latest) upgrades the packages of the operating system. The task is changed if any were upgraded.
      - Whether there are any, the box is asked first; it goes by a list that it renews every eight hours. So for some
        hours after an upgrade check mode may still predict one, and a run may still ask for it and find nothing to do.
      - An upgrade may take the box many minutes, which the task waits for.
    type: str
    choices: [latest]
  reboot:
    description:
      - V(if_required) restarts the machine if the box says that a restart is due, and waits until it is back.
      - A restart ends all sessions. The task goes on with O(password); if it has only O(api_key), it can't read back what
        it did, and warns of it.
      - After O(packages=latest) a restart may have become due that nobody knew of before. A run finds out and restarts;
        check mode predicts a restart only if one is due already.
    type: str
    choices: [if_required]
  reboot_timeout:
    description:
      - How many seconds the task waits for the box to come back before it fails.
    type: int
    default: 600
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: The machine is up to date
  mailinabox.admin.miab_system:
    packages: latest
    reboot: if_required

- name: The box tells nobody that it exists
  mailinabox.admin.miab_system:
    privacy: true
"""

RETURN = r"""
system:
  description:
    - What was declared as it is on the box now, or would be in check mode - C(privacy), as C(updates) the packages that
      can be upgraded, and C(reboot_required).
    - What was not asked for, and in check mode what can't be foretold, is left out.
  returned: success
  type: dict
  sample: {"privacy": true, "updates": [], "reboot_required": false}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/system/update-packages"}, {"method": "POST", "path": "/system/reboot"}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 7, "writes": 2}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "timed_out", "message": "reboot_timeout: the box isn't back after 600 s. ...", "details": {"value": 600}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import system

TASK = Task(
    name="system",
    options={
        "privacy": {"type": "bool"},
        "packages": {"type": "str", "choices": ["latest"]},
        "reboot": {"type": "str", "choices": ["if_required"]},
        "reboot_timeout": {"type": "int", "default": 600},
    },
    rules={"required_one_of": [("privacy", "packages", "reboot")]},
    planner=system.PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
