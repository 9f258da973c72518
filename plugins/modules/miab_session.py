#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign in once for many tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_session
short_description: Sign in to a Mail-in-a-Box server once for many tasks
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Signs in with the password, and a one-time code if the account has MFA, and returns a session key for later tasks. Or signs
    out, which ends a key.
  - Mostly useful with MFA. A box accepts each code only once, so without a session each task would wait for the next code.
  - A session is not a setting of the box, and later tasks need it in check mode, too. So this task also signs in and out in check
    mode, and never reports a change.
options:
  state:
    description:
      - V(present) signs in with O(password), and with O(totp_secret) if the account has MFA, and returns a key that later tasks use
        as O(api_key). Don't set O(api_key) itself. The session stays open after the task.
      - V(absent) signs out, which ends O(api_key). Logging out an expired key is not an error.
      - A box keeps at most 64 sessions, each for two days. It drops them when it restarts, and when the password or MFA of the
        account changes. So sign out in an C(always) section.
      - v0.54 and older have no sessions. Their key is the same each time and can't be ended, so V(absent) does nothing.
    type: str
    choices: [present, absent]
    default: present
notes:
  - RV(session.api_key) contains the key unmasked, so that later tasks can use it. Set C(no_log) on the task.
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_mfa
"""

EXAMPLES = r"""
- name: Sign in with a password and a one-time code
  mailinabox.admin.miab_session:
    host: "{{ miab_host }}"
    username: "{{ miab_username }}"
    password: "{{ miab_password }}"
    totp_secret: "{{ miab_totp_secret }}"
  register: login
  no_log: true

- name: Use the same session for all tasks of this block
  module_defaults:
    group/mailinabox.admin.box:
      host: "{{ miab_host }}"
      username: "{{ miab_username }}"
      api_key: "{{ login.session.api_key }}"
  block:
    - name: Create a mailbox for Ann
      mailinabox.admin.miab_user:
        email: ann@example.org
        user_password: "{{ ann_password }}"

    - name: Forward sales@ to Ann
      mailinabox.admin.miab_alias:
        address: sales@example.org
        forwards_to: [ann@example.org]
  always:
    - name: Sign out
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
      description: Whether the session is open.
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
    - Always empty, because a session changes nothing on the box.
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
