#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the one-time codes (TOTP) of a user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_mfa
short_description: Manage TOTP for a user of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Enables or disables one-time codes (TOTP) as the second factor for the control panel and the API of a Mail-in-a-Box server.
    Each TOTP device has a label.
  - A change ends all sessions and keys of the account, including those of M(mailinabox.admin.miab_session). If you change your
    own account, this task signs in again by itself. Later tasks need RV(mfa.secret) or O(secret) as O(totp_secret).
  - You can set O(totp_secret) for earlier tasks, too. Until MFA is on, the box ignores it.
options:
  label:
    description:
      - The label, such as the name of the device. Required for O(state=present).
      - With O(state=absent), the task removes everything with this label. Without a label, it removes all TOTP devices of the user,
        for example after a phone was lost.
    type: str
  user:
    description:
      - The mail address of the user. Defaults to your own account, O(username).
      - You can enable TOTP only for your own account, so another user works only with O(state=absent).
    type: str
  secret:
    description:
      - The TOTP secret - 32 characters in base32. If you leave it out, the box generates a secret and the task returns it.
      - A box never returns a stored secret. If the label exists already, nothing changes, even if its secret is another one. To set
        another secret, add it under another label and then remove the old label.
    type: str
  state:
    description:
      - Whether TOTP is enabled.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - pyotp, for O(state=present)
notes:
  - RV(mfa.secret) contains a secret that the box generated. Set C(no_log) on the task and store the secret at once. Without the
    secret, nobody can sign in to the account.
  - To change your own account, set O(password) even if you use O(api_key), because the change ends all keys.
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_session
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Turn off MFA for a user who lost a phone
  mailinabox.admin.miab_mfa:
    user: bob@example.org
    state: absent

- name: Require one-time codes for the automation account
  mailinabox.admin.miab_mfa:
    label: automation
    secret: "{{ automation_totp_secret }}"

- name: Enable TOTP with a secret that the box generates
  mailinabox.admin.miab_mfa:
    username: dan@example.org
    password: "{{ dan_password }}"
    label: phone
  register: codes
  no_log: true

- name: Store the secret
  ansible.builtin.copy:
    content: "{{ codes.mfa.secret }}"
    dest: dan-totp-secret
    mode: "0600"
  when: codes.mfa.secret is defined
  no_log: true
"""

RETURN = r"""
mfa:
  description: The TOTP settings after the task, in the form of the options. In check mode, the predicted settings.
  returned: success, and if the task fails after it may have enabled TOTP
  type: dict
  contains:
    user:
      description: The user.
      returned: success
      type: str
      sample: me@box.example.com
    label:
      description: The label.
      returned: if O(label) was given
      type: str
      sample: phone
    labels:
      description: The labels of all TOTP devices of the user.
      returned: in diffs, if O(label) was not given
      type: list
      elements: str
      sample: [phone, tablet]
    state:
      description: Whether TOTP is enabled.
      returned: success
      type: str
      sample: present
    secret:
      description: The TOTP secret. It is not masked, so that a task can store it.
      returned: if the box generated it, and not in check mode
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
  sample: {"code": "invalid_option", "message": "user: ...", "details": {"option": "user", "value": "bob@example.org"}}
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
