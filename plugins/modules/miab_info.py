#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather information about a box."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_info
short_description: Gather information about a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Reads information from a Mail-in-a-Box server by subset. It changes nothing.
  - Each request is made once, even if several subsets need it.
options:
  gather_subset:
    description:
      - What to gather. V(all) means everything that a box returns quickly, which is V(users), V(aliases), V(domains),
        V(dns_records), V(dns_problems), V(dns_zones), V(secondary_nameservers), V(version), V(box), V(reboot_required),
        V(privacy), V(backup_config) and V(config).
      - Name the other subsets to gather them. For V(dns_dump), V(certificates), V(web_domains), V(status_checks), V(updates) and
        V(backup_status), the box examines itself or its backups, which can take minutes. For V(latest_version) it asks the website
        of the project. V(zonefiles) takes one request for each zone, and V(mfa) one for each user. V(snapshot) returns what
        planning needs to know of the box.
      - If the box does not support one of these other subsets, or fails at it, the result has null for it, and the task warns. For
        example, v0.51 has no V(zonefiles). The same happens with V(dns_problems) if it needs dnspython and dnspython is missing.
        The task fails only if it could gather nothing at all.
    type: list
    elements: str
    choices:
      - all
      - users
      - aliases
      - domains
      - dns_records
      - dns_problems
      - dns_zones
      - dns_dump
      - zonefiles
      - secondary_nameservers
      - certificates
      - web_domains
      - mfa
      - version
      - box
      - latest_version
      - status_checks
      - updates
      - reboot_required
      - privacy
      - backup_config
      - backup_status
      - config
      - snapshot
    default: [all]
  scope:
    description:
      - The domains that the subset V(config) is limited to. It then has what a declaration with this scope can have, see
        O(mailinabox.admin.miab_config#module:scope).
    type: list
    elements: str
    version_added: 1.1.0
  scope_exclude:
    description:
      - The domains that the subset V(config) leaves out, see O(mailinabox.admin.miab_config#module:scope_exclude).
    type: list
    elements: str
    version_added: 1.1.0
attributes:
  diff_mode:
    description: The module changes nothing.
    support: none
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Read users, aliases, records and settings
  mailinabox.admin.miab_info:
  register: box

- name: List the users
  ansible.builtin.debug:
    msg: "{{ box.users | map(attribute='email') }}"

- name: Read the status checks and the available upgrades
  mailinabox.admin.miab_info:
    gather_subset: [status_checks, updates, reboot_required]

- name: Return the box as a declaration
  mailinabox.admin.miab_info:
    gather_subset: config
"""

RETURN = r"""
users:
  description:
    - The users. Archived mailboxes of removed users have the C(status) C(inactive).
    - Boxes with quotas (v73 and newer) also return C(quota) and C(used). C(used) is null if the box doesn't know it.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"email": "ann@example.org", "privileges": [], "quota": "2G", "used": "1.5M", "status": "active"}]
aliases:
  description: The aliases, including those that the box created automatically.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"address": "sales@example.org", "forwards_to": ["ann@example.org"], "permitted_senders": [], "automatic": false}]
domains:
  description: The domains that have mail, in Unicode.
  returned: if gathered
  type: list
  elements: str
  sample: [box.example.com, example.org]
dns_records:
  description: The custom DNS records, by name and type.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"name": "www.example.org", "type": "A", "values": ["192.0.2.1"]}]
dns_problems:
  description:
    - The custom DNS records that break their zone, and why. A box stores values that it can't publish. It also stores a CNAME at
      the name of a zone, or beside other records.
    - Since 1.1.0, also records that the box doesn't publish. These are records whose domain has no address any more, and A and
      AAAA records at the host name of the box. Their C(breaks_zone) is V(false), and V(true) for all others.
    - While a zone has a value that can't be published, every change in the zone fails. To remove the value, use
      M(mailinabox.admin.miab_dns_record) with O(mailinabox.admin.miab_dns_record#module:state=absent) and its C(value).
  returned: if gathered
  type: list
  elements: dict
  sample: [{"name": "x.example.org", "type": "MX", "value": "not an mx", "problem": "not a valid value for an MX ...",
    "breaks_zone": true}]
dns_zones:
  description: The zones that the box serves.
  returned: if gathered
  type: list
  elements: str
  sample: [example.com, example.org]
dns_dump:
  description: The records that each zone needs, with the reasons. Use it for zones hosted elsewhere.
  returned: if gathered
  type: list
  elements: dict
  sample:
    - zone: example.org
      records: [{"name": "example.org", "type": "MX", "value": "10 box.example.com.", "explanation": "Required. ..."}]
zonefiles:
  description: The text of each zone file. Null on a box that doesn't return it, such as v0.51.
  returned: if gathered
  type: dict
  sample: {"example.org": "$ORIGIN example.org. ..."}
secondary_nameservers:
  description: The secondary name servers.
  returned: if gathered
  type: list
  elements: str
  sample: [ns2.example.net]
certificates:
  description: The status of each domain's certificate, and the domains for which the box can obtain one by itself.
  returned: if gathered
  type: dict
  sample: {"status": [{"domain": "example.org", "status": "success", "text": "Signed & valid. ..."}], "can_provision": []}
web_domains:
  description: The domains that have a website, as the box returns them.
  returned: if gathered
  type: list
  elements: dict
  sample:
    - domain: example.org
      root: /home/user-data/www/default
      custom_root: /home/user-data/www/example.org
      ssl_certificate: [success, "Signed & valid. ..."]
      static_enabled: true
mfa:
  description: The second factors of each user, without their secrets.
  returned: if gathered
  type: dict
  sample: {"me@box.example.com": [{"id": 1, "type": "totp", "label": "phone"}]}
version:
  description: The version of Mail-in-a-Box. Forks have version names of their own.
  returned: if gathered
  type: str
  sample: v75
box:
  description:
    - The kind of box, recognized by its answers - C(kind), which is V(upstream), V(kiekerjan), V(geseidl),
      V(power-mailinabox), V(mailinabox-ldap) or V(unknown), and the C(marks) that show it.
    - C(support) is V(full), V(partial) or V(unknown). With V(partial), the collection refuses some writes because they would lose
      data on this kind of box. C(refused) lists them.
    - C(clock_offset) is the number of seconds that the clock of the box is ahead. Null if the box doesn't send its time.
  returned: if gathered
  type: dict
  version_added: 1.1.0
  sample: {"kind": "upstream", "version": "v76", "marks": [], "support": "full", "refused": [], "clock_offset": 0}
latest_version:
  description: The newest version, according to the website of the project. Null if the box can't reach the website.
  returned: if gathered
  type: str
  sample: v75
status_checks:
  description: The status checks of the box, in its own words - headings, each followed by its checks with C(ok) or a problem.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"type": "heading", "text": "System", "extra": []}, {"type": "ok", "text": "...", "extra": []}]
updates:
  description: The packages that can be upgraded. The list can be up to eight hours old.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"package": "openssl", "version": "3.0.2-0ubuntu1.21"}]
reboot_required:
  description: Whether a restart is required.
  returned: if gathered
  type: bool
  sample: false
privacy:
  description: Whether the check for new versions is turned off.
  returned: if gathered
  type: bool
  sample: true
backup_config:
  description: The backup target, with keys masked, and the folder for backups on the box itself.
  returned: if gathered
  type: dict
  sample: {"target": "local", "min_age_in_days": 3, "folder": "/home/user-data/backup/encrypted"}
backup_status:
  description:
    - The existing backups. Empty if backups are off. Contains C(error) if the box can't list them.
    - Passwords and keys in URLs are masked, here and in all other texts that you can't declare.
  returned: if gathered
  type: dict
  sample: {"backups": [{"date": "20200801T023706Z", "full": false, "size": 125332}], "unmatched_file_size": 0}
config:
  description:
    - The configuration as a declaration, without secrets, automatic aliases and archived mailboxes.
    - A Backblaze target is returned in parts, without the key.
  returned: if gathered
  type: dict
  sample:
    users: [{"email": "ann@example.org", "privileges": [], "quota": "2G"}]
    aliases: [{"address": "sales@example.org", "forwards_to": ["ann@example.org"], "permitted_senders": []}]
    dns_records: [{"name": "www.example.org", "type": "A", "values": ["192.0.2.1"]}]
    secondary_nameservers: [ns2.example.net]
    backup: {"target": "local", "min_age_in_days": 3}
    privacy: true
snapshot:
  description:
    - What planning needs to know about the box, without secrets, for O(mailinabox.admin.miab_config#module:snapshot).
      Add C(made_at), the time, such as V(2026-11-27T15:40:07Z); the playbook C(mailinabox.admin.snapshot) does.
  returned: if gathered
  type: dict
  sample: {"format": 1, "url": "https://box.example.com/admin", "username": "me@box.example.com", "marks": [], "answers": {}}
calls:
  description: Always empty, because the module changes nothing.
  returned: always
  type: list
  elements: dict
  sample: []
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 10, "writes": 0}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "unsupported", "message": "GET /dns/zonefile/example.org: the box does not support this request; ...", "details": {}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import info

TASK = Task(
    name="",
    options={
        "gather_subset": {
            "type": "list",
            "elements": "str",
            "choices": [info.ALL, *info.SUBSETS],
            "default": [info.ALL],
        },
        "scope": {"type": "list", "elements": "str"},
        "scope_exclude": {"type": "list", "elements": "str"},
    },
    not_null=("scope",),
    planner=info.PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
