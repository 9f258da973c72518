#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log in once for many tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_session
short_description: Log in once to a Mail-in-a-Box for many tasks
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Exchanges the password, and a one-time code where the account has MFA, for a key that later tasks sign in with, or
    ends that key.
  - Mostly useful with MFA. A code works once, so that without a session each task would wait for the next one.
  - A session is no setting of the box, and later tasks need it in check mode as well. So both is done in check mode, too,
    and never counts as a change.
options:
  state:
    description:
      - V(present) logs in with O(password), and O(totp_secret) if the account has MFA, and returns a key for O(api_key).
        O(api_key) itself has to be left out. The session stays open when the task ends.
      - V(absent) logs out, which ends O(api_key). A key that has ended already is none the worse for it.
      - A box keeps at most 64 sessions, for two days, and forgets them when it restarts or when the account's password
        or MFA changes. So log out in C(always).
      - v0.54 and older have no sessions. Their key is the same each time, and can't be ended; V(absent) does nothing.
    type: str
    choices: [present, absent]
    default: present
notes:
  - The key is in RV(session.api_key) as it is, so that later tasks can use it. Use C(no_log) on the task.
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_mfa
"""

EXAMPLES = r"""
- name: Log in, with a code that is made of the secret
  mailinabox.admin.miab_session:
    host: "{{ miab_host }}"
    username: "{{ miab_username }}"
    password: "{{ miab_password }}"
    totp_secret: "{{ miab_totp_secret }}"
  register: login
  no_log: true

- name: All tasks in here use the same session
  module_defaults:
    group/mailinabox.admin.box:
      host: "{{ miab_host }}"
      username: "{{ miab_username }}"
      api_key: "{{ login.session.api_key }}"
  block:
    - name: Ann has a mailbox
      mailinabox.admin.miab_user:
        email: ann@example.org
        user_password: "{{ ann_password }}"

    - name: Sales reach Ann
      mailinabox.admin.miab_alias:
        address: sales@example.org
        forwards_to: [ann@example.org]
  always:
    - name: Log out
      mailinabox.admin.miab_session:
        state: absent
"""

RETURN = r"""
session:
  description: The session.
  returned: success
  type: dict
  contains:
    state:
      description: Whether there is one now.
      returned: success
      type: str
      sample: present
    api_key:
      description: The key. It is not masked, so that later tasks can use it.
      returned: O(state=present)
      type: str
      sample: 0123456789abcdef...
calls:
  description:
    - What was sent to change the box, in order; in check mode, what would be sent. A session is no change, so this is empty.
    - When the task fails, what had been sent by then.
  returned: always
  type: list
  elements: dict
  sample: []
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 1, "writes": 0}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "authentication", "message": "POST /login: ...", "details": {"path": "/login", "reason": "missing-totp-token"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import sessions

TASK = Task(
    name="session",
    options={
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    },
    planner=sessions.PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
