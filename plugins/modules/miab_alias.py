#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a mail alias."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_alias
short_description: Keep a mail alias of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes an alias of a Mail-in-a-Box server what the task declares - who receives its mail and who may send from it -
    or removes it.
  - An option that is left out stays as it is on the box. Its own interface would forget the permitted senders.
options:
  address:
    description:
      - The address of the alias. V(@example.org) catches the mail to all addresses of the domain that are not there.
      - Capital letters mean nothing. A domain may be written in Unicode or in IDNA.
    type: str
    required: true
  forwards_to:
    description:
      - All the addresses that receive the mail, in any order; or one domain, as in V(@example.org), where the same name
        there receives it. An empty list only permits senders. Needed to make an alias, unless O(permitted_senders) is given.
      - Capitals before the @ are sent as you write them. They make no difference when receivers are compared.
      - Aliases named admin, administrator, postmaster, hostmaster, webmaster or abuse can only forward to
        administrators of the box, because who reads them can get a certificate for the domain.
    type: list
    elements: str
  permitted_senders:
    description:
      - The users of the box who may send mail from the address, in any order. An empty list gives that right back to
        the users among O(forwards_to).
    type: list
    elements: str
  state:
    description:
      - Whether the alias is to be there.
      - Automatic aliases, which a box makes by itself, can't be removed. To declare one V(absent) is no change and a
        warning; to declare one V(present) as it is, is no change; to declare it otherwise makes an alias of one's own.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Do what would take mail away - make an alias over the address of a user, who is not among O(forwards_to), or
        remove the address that all automatic aliases forward to.
      - From 1.1.0 on also remove the last address of a domain that has custom DNS records. They lose their zone, and the box
        can't remove them any more; a box of version v55 can't even list its records then.
    type: bool
    default: false
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_user
"""

EXAMPLES = r"""
# Which box, and who signs in there, comes from module_defaults (group/mailinabox.admin.box)
# or from MIAB_HOST, MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Sales reaches two people
  mailinabox.admin.miab_alias:
    address: sales@example.org
    forwards_to:
      - ann@example.org
      - bob@example.net

- name: Ann gets what nobody else gets
  mailinabox.admin.miab_alias:
    address: "@example.org"
    forwards_to: [ann@example.org]

- name: Every address of example.com is one of example.org too
  mailinabox.admin.miab_alias:
    address: "@example.com"
    forwards_to: ["@example.org"]

- name: Nobody receives this, and Ann may send from it
  mailinabox.admin.miab_alias:
    address: noreply@example.org
    forwards_to: []
    permitted_senders: [ann@example.org]

- name: The alias is gone
  mailinabox.admin.miab_alias:
    address: info@example.org
    state: absent
"""

RETURN = r"""
alias:
  description: The alias as the box has it now, or would have it in check mode, in the form of the options.
  returned: success
  type: dict
  sample: {"address": "sales@example.org", "forwards_to": ["ann@example.org"], "permitted_senders": [], "state": "present"}
calls:
  description:
    - What was sent to change the box, in order; in check mode, what would be sent.
    - When the task fails, what had been sent by then.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/mail/aliases/remove", "form": {"address": "info@example.org"}}]
requests:
  description: How many requests the task made, to read and to write.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, for a playbook to test - C(code), C(message) and C(details).
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
