#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage a mail user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_user
short_description: Manage a mail user of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Creates, changes or removes a mail user of a Mail-in-a-Box server - its password, privileges and quota.
  - A setting stays as it is on the box if you leave its option out.
options:
  email:
    description:
      - The mail address of the user. It is converted to the form that a box stores - lower case, with the domain in IDNA.
    type: str
    required: true
  user_password:
    description:
      - The password of the user. At least eight characters and at most 511 bytes. Required to create a user.
      - Put a password of digits in quotes. A number is an error, because YAML can change its digits.
      - Don't confuse it with O(password), which is the password of the administrator.
    type: str
  update_password:
    description:
      - V(always) changes the password of an existing user if it is not O(user_password). To find out, the task tries to sign
        in as the user. If the password differs, this counts as one failed login at the box. The user notices nothing.
      - V(on_create) sets the password of a new user only.
    type: str
    choices: [always, on_create]
    default: always
  privileges:
    description:
      - The complete list of the user's privileges. An empty list removes all of them.
      - V(admin) is the only privilege that has an effect. Other words can stay if the box already has them, but you can't
        add them.
    type: list
    elements: str
  quota:
    description:
      - The maximum size of the mailbox - a whole number of bytes, or a number with the unit V(M) or V(G). V(0) means no
        limit. The task warns about a limit of less than C(1M).
      - Requires v73 or newer. On an older box, this option is an error.
    type: str
  state:
    description:
      - Whether the user exists.
      - The box keeps the mail of a removed user on its disk. If you add the address again, the new user gets the old mail.
        The task warns about that.
      - Aliases that forward to a removed user stay, and the task warns about them. To change them along with the user, use
        O(mailinabox.admin.miab_config#module:users[].remove_from_aliases).
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Allow changes that lock somebody out - remove your own account or its admin privilege, remove the last administrator,
        or create a user whose mail an alias forwards elsewhere.
      - Since 1.1.0, this also allows you to remove the last address of a domain that has custom DNS records. The records lose
        their zone, and the box can't remove them any more. On v55 the box can't even list its records then.
    type: bool
    default: false
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_alias
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Create a mailbox for Ann
  mailinabox.admin.miab_user:
    email: ann@example.org
    user_password: "{{ ann_password }}"

- name: Create an administrator
  mailinabox.admin.miab_user:
    email: bob@example.org
    user_password: "{{ bob_password }}"
    update_password: on_create
    privileges: [admin]

# Ansible prints each item of a loop. The label keeps the passwords off the screen. Add no_log: true if something,
# such as AWX, stores the results of tasks.
- name: Create a mailbox for each person
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

- name: Remove a user
  mailinabox.admin.miab_user:
    email: carol@example.org
    state: absent
"""

RETURN = r"""
user:
  description: The user after the task, in the form of the options. In check mode, the predicted user.
  returned: success
  type: dict
  sample: {"email": "ann@example.org", "privileges": [], "quota": "2G", "state": "present"}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent. Secrets are left out.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/mail/users/quota", "form": {"email": "ann@example.org", "quota": "2G"}}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
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
