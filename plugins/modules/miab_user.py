#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a mail user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_user
short_description: Keep a mail user of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes a mail user of a Mail-in-a-Box server what the task declares - its password, privileges and quota - or
    removes it.
  - An option that is left out stays as it is on the box.
options:
  email:
    description:
      - The user's mail address. It is taken in lower case, its domain in IDNA, as a box has it.
    type: str
    required: true
  user_password:
    description:
      - The user's password, of at least eight characters and at most 511 bytes. Needed to make a user.
      - Put a password of digits in quotes. A number is an error, because YAML may have changed its digits.
      - The option O(password) is not this one, but that of the administrator who is signed in.
    type: str
  update_password:
    description:
      - V(always) makes sure that the password of an existing user is O(user_password). The box is asked whether it is,
        as if the user signed in, and it is set only if it isn't. The user notices nothing; a password that differs
        counts as one failed login at the box.
      - V(on_create) sets the password of a new user, and leaves that of an existing one alone.
    type: str
    choices: [always, on_create]
    default: always
  privileges:
    description:
      - All the privileges that the user is to have. An empty list takes them away.
      - V(admin) is the only one with a meaning. Another word can stay where a box has it, but can't be added.
    type: list
    elements: str
  quota:
    description:
      - How much mail the user may keep - a whole number of bytes, or one with V(M) or V(G) behind it. V(0) means no limit.
        A limit of less than C(1M) is a warning.
      - Boxes have quotas from v73 on. On an older one this option is an error.
    type: str
  state:
    description:
      - Whether the user is to be there.
      - The mail of a removed user stays on the box's disk. If the address is added again, the new user gets the old
        mail; the task warns of it.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Do what would lock somebody out - remove the account that the task is signed in with, take its admin right,
        leave the box without an administrator, or make a user whose mail an alias forwards elsewhere.
      - From 1.1.0 on also remove the last address of a domain that has custom DNS records. They lose their zone, and the box
        can't remove them any more; a box of version v55 can't even list its records then.
    type: bool
    default: false
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_alias
"""

EXAMPLES = r"""
# Which box, and who signs in there, comes from module_defaults (group/mailinabox.admin.box)
# or from MIAB_HOST, MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Ann has a mailbox
  mailinabox.admin.miab_user:
    email: ann@example.org
    user_password: "{{ ann_password }}"

- name: Bob helps to run the box
  mailinabox.admin.miab_user:
    email: bob@example.org
    user_password: "{{ bob_password }}"
    update_password: on_create
    privileges: [admin]

# Ansible prints the items of a loop, so the label keeps the passwords off the screen. Add no_log: true if
# something keeps the results of tasks, as AWX does.
- name: Everybody of a list has a mailbox
  mailinabox.admin.miab_user:
    email: "{{ item.email }}"
    user_password: "{{ item.password }}"
  loop: "{{ people }}"
  loop_control:
    label: "{{ item.email }}"
  vars:
    people:
      - {email: dan@example.org, password: "{{ ann_password }}"}
      - {email: eve@example.org, password: "{{ bob_password }}"}

- name: Carol has left
  mailinabox.admin.miab_user:
    email: carol@example.org
    state: absent
"""

RETURN = r"""
user:
  description: The user as the box has it now, or would have it in check mode, in the form of the options.
  returned: success
  type: dict
  sample: {"email": "ann@example.org", "privileges": [], "quota": "2G", "state": "present"}
calls:
  description:
    - What was sent to change the box, in order; in check mode, what would be sent. Secrets are left out.
    - When the task fails, what had been sent by then.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/mail/users/quota", "form": {"email": "ann@example.org", "quota": "2G"}}]
requests:
  description: How many requests the task made, to read and to write.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, for a playbook to test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "guarded", "message": "email: removing me@box.example.com ...", "details": {"option": "email"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import users

TASK = Task(
    name="user",
    options=users.OPTIONS,
    planner=users.PLANNER,
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
