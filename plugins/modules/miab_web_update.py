#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuild the web server configuration of a box."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_web_update
short_description: Rebuild the web server configuration of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes a Mail-in-a-Box server write the configuration of its web server, and load it if it differs. Use this after you created
    a folder for the website of a domain, or installed a certificate by hand.
  - A box does this by itself after each change through its API.
  - The task reports a change if the box reports that it updated something. Check mode can't predict that. It predicts no change,
    which is wrong if the configuration is out of date.
  - In check mode, the task signs in and reads the zones. It fails if the box can't be reached or refuses the credentials.
options: {}
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_dns_update
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Use new website folders
  mailinabox.admin.miab_web_update:
"""

RETURN = r"""
web_update:
  description: C(updated) says whether the box updated something. Empty in check mode, because it can't be predicted.
  returned: success
  type: dict
  sample: {"updated": true}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/web/update"}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 1, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "outcome_unknown", "message": "POST /web/update: the box answered 500 ...", "details": {"status": 500}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import updates

TASK = Task(
    name="web_update",
    options={},
    planner=updates.WEB_PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
