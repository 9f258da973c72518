#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage a mail alias."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_alias
short_description: Manage a mail alias of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Creates, changes or removes a mail alias of a Mail-in-a-Box server - its receivers and its permitted senders.
  - A setting stays as it is on the box if you leave its option out. The box's own API would clear the permitted senders.
options:
  address:
    description:
      - The address of the alias. V(@example.org) is a catch-all. It receives the mail to every address of the domain that
        does not exist.
      - Upper and lower case are equal. You can write the domain in Unicode or in IDNA.
    type: str
    required: true
  forwards_to:
    description:
      - The complete list of addresses that receive the mail, in any order. Or one domain, such as V(@example.org) - then the
        address with the same name in that domain receives the mail.
      - With an empty list, the alias only permits senders. To create an alias, set this option or O(permitted_senders).
      - The part before the @ is sent in upper and lower case as you write it. Comparisons ignore the case.
      - Aliases named admin, administrator, postmaster, hostmaster, webmaster or abuse can only forward to administrators of
        the box, because anyone who receives their mail can obtain a certificate for the domain.
    type: list
    elements: str
  permitted_senders:
    description:
      - The users of the box who are allowed to send mail from the address, in any order. With an empty list, the users in
        O(forwards_to) are allowed to.
    type: list
    elements: str
  state:
    description:
      - Whether the alias exists.
      - A box creates some aliases automatically. They can't be removed, so V(absent) changes nothing and warns. If you declare
        such an alias with other receivers, the task creates an alias of your own in its place.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Allow changes that take mail away from somebody - create an alias at the address of a user who is not in
        O(forwards_to), or remove the address that all automatic aliases forward to.
      - Since 1.1.0, this also allows you to remove the last address of a domain that has custom DNS records. The records lose
        their zone, and the box can't remove them any more. On v55 the box can't even list its records then.
    type: bool
    default: false
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_user
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Forward sales@ to two people
  mailinabox.admin.miab_alias:
    address: sales@example.org
    forwards_to:
      - ann@example.org
      - bob@example.net

- name: Create a catch-all
  mailinabox.admin.miab_alias:
    address: "@example.org"
    forwards_to: [ann@example.org]

- name: Forward every address of example.com to the same name at example.org
  mailinabox.admin.miab_alias:
    address: "@example.com"
    forwards_to: ["@example.org"]

- name: Let Ann send from an address that receives nothing
  mailinabox.admin.miab_alias:
    address: noreply@example.org
    forwards_to: []
    permitted_senders: [ann@example.org]

- name: Remove an alias
  mailinabox.admin.miab_alias:
    address: info@example.org
    state: absent
"""

RETURN = r"""
alias:
  description: The alias after the task, in the form of the options. In check mode, the predicted alias.
  returned: success
  type: dict
  sample: {"address": "sales@example.org", "forwards_to": ["ann@example.org"], "permitted_senders": [], "state": "present"}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/mail/aliases/remove", "form": {"address": "info@example.org"}}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "invalid_option", "message": "forwards_to: ...", "details": {"option": "forwards_to"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import aliases

TASK = Task(
    name="alias",
    options=aliases.OPTIONS,
    planner=aliases.PLANNER,
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
