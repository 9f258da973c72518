#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the backup settings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_backup_config
short_description: Manage the backup settings of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Sets the backup target of a Mail-in-a-Box server and how long it keeps backups.
  - A setting stays as it is on the box if you leave its option out.
  - A box tests a remote target before it stores it. The task fails if the box can't reach the target.
  - A box replaces all its settings at once and never returns credentials. To change any setting of a box that backs up to S3,
    set O(target_user) and O(target_password), too.
options:
  target:
    description:
      - V(off) for no backups, V(local) for a folder on the box itself, or a URL - C(rsync://), C(s3://) or C(b2://).
      - Use O(rsync), O(s3) or O(b2) instead if you don't want to write a URL.
    type: str
  rsync:
    description:
      - A folder on another machine. The box connects over SSH with its own key.
    type: dict
    suboptions:
      user:
        description:
          - The account on the other machine.
        type: str
        required: true
      host:
        description:
          - The host name of the other machine.
        type: str
        required: true
      path:
        description:
          - The folder. A path without a leading slash is relative to the home of the account.
        type: str
        required: true
      port:
        description:
          - The SSH port, if it isn't 22. Older boxes support only 22.
        type: int
  s3:
    description:
      - A bucket at Amazon S3 or at a compatible provider.
      - Set the access key as O(target_user) and the secret key as O(target_password).
    type: dict
    suboptions:
      region:
        description:
          - The region, such as V(eu-central-1). Optional at some providers.
        type: str
      host:
        description:
          - The host name of the provider, if it isn't Amazon.
        type: str
      bucket:
        description:
          - The bucket's name.
        type: str
        required: true
      path:
        description:
          - A folder in the bucket.
        type: str
        default: ""
  b2:
    description:
      - A bucket at Backblaze. Requires about v55 or newer.
    type: dict
    suboptions:
      key_id:
        description:
          - The ID of an application key.
        type: str
        required: true
      application_key:
        description:
          - The application key. If you leave it out, the box keeps the key that it has for this O(b2.key_id) and O(b2.bucket).
        type: str
      bucket:
        description:
          - The bucket's name.
        type: str
        required: true
  target_user:
    description:
      - The user or access key for the target. An empty string means none.
    type: str
  target_password:
    description:
      - The password or secret key for the target. An empty string means none.
    type: str
  update_credentials:
    description:
      - V(on_change) sends O(target_user) and O(target_password) only if another setting changes. The task can't read from the
        box which credentials it has.
      - V(always) sends them each time. Then the task always reports a change.
    type: str
    choices: [always, on_change]
    default: on_change
  min_age_in_days:
    description:
      - The minimum number of days to keep backups, at least 1.
    type: int
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Back up to another machine, and keep backups for two weeks
  mailinabox.admin.miab_backup_config:
    rsync:
      user: box
      host: backup.example.net
      path: /srv/box
    min_age_in_days: 14

- name: Back up to Amazon S3
  mailinabox.admin.miab_backup_config:
    s3:
      region: eu-central-1
      bucket: example-backups
      path: box
    target_user: "{{ backup_access_key }}"
    target_password: "{{ backup_secret_key }}"

- name: Keep backups on the box itself
  mailinabox.admin.miab_backup_config:
    target: local
"""

RETURN = r"""
backup_config:
  description:
    - The settings after the task. In check mode, the predicted settings. The target always has the form of O(target), with keys
      masked. Credentials are left out.
  returned: success
  type: dict
  sample: {"target": "rsync://box@backup.example.net//srv/box", "min_age_in_days": 14}
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent. Secrets are left out.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/system/backup/config", "form": {"target": "off", "target_pass": "********"}}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 2, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "refused", "message": "POST /system/backup/config: the box refused the request: ...", "details": {"text": "..."}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import backup

TASK = Task(
    name="backup_config",
    options=backup.OPTIONS,
    rules=backup.RULES,
    planner=backup.PLANNER,
    secrets=backup.secrets,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
