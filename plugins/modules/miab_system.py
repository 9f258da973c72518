#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage updates, restarts and privacy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_system
short_description: Manage updates, restarts and privacy of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Turns the update check of a Mail-in-a-Box server on or off, upgrades its packages, and restarts it if necessary, in this
    order.
  - Nothing happens for an option that you leave out.
options:
  privacy:
    description:
      - V(true) turns off the check for new versions of Mail-in-a-Box. This check shows the project that your box exists.
    type: bool
  packages:
    description:
      - V(latest) upgrades the packages of the operating system. The task reports a change if any package was upgraded.
      - The box refreshes its list of upgrades every eight hours. So for some hours after an upgrade, check mode can still predict
        one, and a run can still request it and find nothing to do.
      - An upgrade can take many minutes. The task waits for it.
    type: str
    choices: [latest]
  reboot:
    description:
      - V(if_required) restarts the machine if the box reports that a restart is required, and waits until it is back.
      - A restart ends all sessions. The task then signs in again with O(password). If it has only O(api_key), it can't read the
        result back, and warns about that.
      - An upgrade with O(packages=latest) can make a restart necessary. A run detects that and restarts the machine. Check mode
        predicts a restart only if it is required already.
    type: str
    choices: [if_required]
  reboot_timeout:
    description:
      - The number of seconds to wait for the box to come back, before the task fails.
    type: int
    default: 600
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Upgrade the machine, and restart it if necessary
  mailinabox.admin.miab_system:
    packages: latest
    reboot: if_required

- name: Turn off the check for new versions
  mailinabox.admin.miab_system:
    privacy: true
"""

RETURN = r"""
system:
  description:
    - The settings that you declared, after the task - C(privacy), C(updates), which lists the packages that can be upgraded, and
      C(reboot_required). In check mode, the predicted settings.
    - Other settings are left out. So are settings that check mode can't predict.
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
  sample: {"code": "timed_out", "message": "reboot_timeout: the box is not back after 600 s. ...", "details": {"value": 600}}
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
