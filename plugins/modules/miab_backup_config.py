#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep where backups go."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_backup_config
short_description: Keep the backup settings of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes the backup settings of a Mail-in-a-Box server what the task declares - where backups go, and for how long they
    are kept.
  - An option that is left out stays as it is on the box.
  - A box tries a target elsewhere before it takes it, so that the task fails if it can't be reached.
  - A box stores all its settings at once and never shows credentials. So to change anything of a box that backs up to
    S3, declare O(target_user) and O(target_password) along with it.
options:
  target:
    description:
      - V(off) for no backups, V(local) for a folder on the box itself, or a whole URL - C(rsync://), C(s3://) or C(b2://).
      - O(rsync), O(s3) and O(b2) spare writing a URL.
    type: str
  rsync:
    description:
      - A folder on another machine, to which the box copies by SSH with a key of its own.
    type: dict
    suboptions:
      user:
        description:
          - The account there.
        type: str
        required: true
      host:
        description:
          - The machine's host name.
        type: str
        required: true
      path:
        description:
          - The folder there. Without a slash in front it is in the account's home.
        type: str
        required: true
      port:
        description:
          - The port of SSH there, if it isn't 22. Older boxes know no other.
        type: int
  s3:
    description:
      - A bucket at Amazon, or at a provider with the same interface.
      - Its access key is declared as O(target_user), and the secret key to it as O(target_password).
    type: dict
    suboptions:
      region:
        description:
          - The region, such as V(eu-central-1). Another provider than Amazon may do without.
        type: str
      host:
        description:
          - The host name of another provider than Amazon.
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
      - A bucket at Backblaze. Boxes know these from about v55 on.
    type: dict
    suboptions:
      key_id:
        description:
          - The id of an application key.
        type: str
        required: true
      application_key:
        description:
          - The application key. Left out, the one stays that the box has for this O(b2.key_id) and O(b2.bucket).
        type: str
      bucket:
        description:
          - The bucket's name.
        type: str
        required: true
  target_user:
    description:
      - The user, or access key, that the target wants. An empty text stands for none.
    type: str
  target_password:
    description:
      - The password, or secret key, that the target wants. An empty text stands for none.
    type: str
  update_credentials:
    description:
      - V(on_change) sends O(target_user) and O(target_password) only when something else is changed, since nobody can
        tell whether the box has them already.
      - V(always) sends them each time. The task is then changed each time.
    type: str
    choices: [always, on_change]
    default: on_change
  min_age_in_days:
    description:
      - For how many days backups are kept at least, from 1 on.
    type: int
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Backups go to another machine, for a fortnight
  mailinabox.admin.miab_backup_config:
    rsync:
      user: box
      host: backup.example.net
      path: /srv/box
    min_age_in_days: 14

- name: Backups go to Amazon
  mailinabox.admin.miab_backup_config:
    s3:
      region: eu-central-1
      bucket: example-backups
      path: box
    target_user: "{{ backup_access_key }}"
    target_password: "{{ backup_secret_key }}"

- name: Backups stay on the box
  mailinabox.admin.miab_backup_config:
    target: local
"""

RETURN = r"""
backup_config:
  description:
    - The settings as the box has them now, or would have them in check mode. The target is always in the form of
      O(target), a key in it masked, and there are no credentials.
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
  sample: {"code": "refused", "message": "POST /system/backup/config: the box refuses: ...", "details": {"text": "..."}}
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
