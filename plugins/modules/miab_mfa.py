#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a TOTP scheme of a user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_mfa
short_description: Keep the one-time codes of a user of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Sets up one-time codes (TOTP) as the second factor with which a user signs in to the control panel and the API of a
    Mail-in-a-Box server, or removes them. They are known by a label.
  - A change of an account's codes ends all its sessions and keys, those of M(mailinabox.admin.miab_session) too. For the
    account that the task is signed in with, this task goes on by itself; later tasks need RV(mfa.secret) or O(secret) as
    O(totp_secret). It may be given to tasks that come before this one as well, for a box that asks for no code takes no
    notice of one.
options:
  label:
    description:
      - What the codes are called, such as the name of the device. Needed for O(state=present).
      - With O(state=absent), all codes of that label go; left out, all codes of the user, as when a phone was lost.
    type: str
  user:
    description:
      - The mail address of the user. Left out, the account that the task is signed in with.
      - A box sets up codes only for who is signed in, so another user is only for O(state=absent).
    type: str
  secret:
    description:
      - What the codes are made of - 32 characters in base32. Left out, the box makes it, and it is returned.
      - It can't be read back from a box. If there are codes of this label already, they stay as they are, whatever their
        secret; remove them first to set another.
    type: str
  state:
    description:
      - Whether the codes are to be there.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - pyotp, for O(state=present)
notes:
  - A secret that the box made is in RV(mfa.secret), so that a task can store it. Use C(no_log) on the task, and store it
    at once - without it nobody can sign in to the account any more.
  - Because keys end, O(password) is needed for a change of the own codes, even if there is an O(api_key).
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_session
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Bob has lost his phone
  mailinabox.admin.miab_mfa:
    user: bob@example.org
    state: absent

- name: The account of the automation needs codes
  mailinabox.admin.miab_mfa:
    label: automation
    secret: "{{ automation_totp_secret }}"

- name: Dan sets up codes for himself, of which the box makes the secret
  mailinabox.admin.miab_mfa:
    username: dan@example.org
    password: "{{ dan_password }}"
    label: phone
  register: codes
  no_log: true

- name: Keep the secret
  ansible.builtin.copy:
    content: "{{ codes.mfa.secret }}"
    dest: dan-totp-secret
    mode: "0600"
  when: codes.mfa.secret is defined
  no_log: true
"""

RETURN = r"""
mfa:
  description: The codes as the box has them now, or would have them in check mode, in the form of the options.
  returned: success, and when a task fails that may have set up codes
  type: dict
  contains:
    user:
      description: Whose they are.
      returned: success
      type: str
      sample: me@box.example.com
    label:
      description: What they are called.
      returned: if O(label) was given
      type: str
      sample: phone
    labels:
      description: What the user's codes are called.
      returned: in diffs, if O(label) was not given
      type: list
      elements: str
      sample: [phone, tablet]
    state:
      description: Whether there are any.
      returned: success
      type: str
      sample: present
    secret:
      description: What the codes are made of. It is not masked, so that a task can store it.
      returned: if the box made it, and not in check mode
      type: str
      sample: ABCDEFGHIJKLMNOPQRSTUVWXYZ234567
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent. Secrets are left out.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/mfa/disable", "form": {"user": "bob@example.org"}}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 4, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "invalid_option", "message": "user: 'bob@example.org': ...", "details": {"option": "user", "value": "bob@example.org"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import mfa

TASK = Task(
    name="mfa",
    options={
        "label": {"type": "str"},
        "user": {"type": "str"},
        "secret": {"type": "str", "no_log": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    },
    rules={"required_if": [("state", "present", ("label",))]},
    planner=mfa.PLANNER,
    secrets=mfa.secrets,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
