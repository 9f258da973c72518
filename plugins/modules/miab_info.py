#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what a box knows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_info
short_description: Gather what a Mail-in-a-Box knows
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Reads what a Mail-in-a-Box server can tell of itself, by subset, and changes nothing.
  - Each thing is asked for once, however many subsets need it.
options:
  gather_subset:
    description:
      - What to gather. V(all) stands for all that a box has at hand, which is V(users), V(aliases), V(domains),
        V(dns_records), V(dns_problems), V(dns_zones), V(secondary_nameservers), V(version), V(box), V(reboot_required),
        V(privacy), V(backup_config) and V(config).
      - The others are only gathered by name. For V(dns_dump), V(certificates), V(web_domains), V(status_checks),
        V(updates) and V(backup_status) a box examines itself or its backups, which may take it minutes; for
        V(latest_version) it asks the project's site; V(zonefiles) takes a request for each zone, V(mfa) one for each user.
        V(snapshot) is what planning needs to know of the box.
      - One of these others that the box lacks, or fails at, is null in the result, and the task warns of it. V(zonefiles)
        are lacking on v0.51. So is V(dns_problems) if dnspython is needed for it and isn't there. Only if nothing at all
        could be gathered does the task fail.
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
attributes:
  diff_mode:
    description: Has nothing to show, because nothing is changed.
    support: none
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: What is on the box
  mailinabox.admin.miab_info:
  register: box

- name: Who has mail there
  ansible.builtin.debug:
    msg: "{{ box.users | map(attribute='email') }}"

- name: How the box is, and what it could upgrade
  mailinabox.admin.miab_info:
    gather_subset: [status_checks, updates, reboot_required]

- name: The box in the form that declares it
  mailinabox.admin.miab_info:
    gather_subset: config
"""

RETURN = r"""
users:
  description:
    - The users, and the archived mailboxes of users who were removed, whose C(status) is C(inactive).
    - C(quota) and C(used), which is null if the box doesn't know, are there on boxes with quotas (v73 and newer).
  returned: if gathered
  type: list
  elements: dict
  sample: [{"email": "ann@example.org", "privileges": [], "quota": "2G", "used": "1.5M", "status": "active"}]
aliases:
  description: The aliases, those that the box made by itself among them.
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
    - The custom DNS records that take their zone down, and why - values that can't be published, which a box stores all
      the same, and CNAMEs at the name of a zone, or beside other custom records or what the box publishes by itself.
    - Since 1.1.0, also records that the box doesn't publish - those whose zone is gone because their domain has no address
      any more, and A and AAAA records at the host name of the box. Their C(breaks_zone) is V(false), that of all others
      V(true).
    - As long as a value of the first kind is there, every change that concerns its zone fails. To remove it, declare
      O(mailinabox.admin.miab_dns_record#module:state=absent) with its C(value).
  returned: if gathered
  type: list
  elements: dict
  sample: [{"name": "x.example.org", "type": "MX", "value": "not an mx", "problem": "not the form of an MX ...",
    "breaks_zone": true}]
dns_zones:
  description: The zones that the box answers for.
  returned: if gathered
  type: list
  elements: str
  sample: [example.com, example.org]
dns_dump:
  description: What has to be published for each zone, with the reasons, for who has the zone elsewhere.
  returned: if gathered
  type: list
  elements: dict
  sample:
    - zone: example.org
      records: [{"name": "example.org", "type": "MX", "value": "10 box.example.com.", "explanation": "Required. ..."}]
zonefiles:
  description: The text of each zone's file. Null on a box that doesn't show it, as v0.51.
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
  description: How good the certificate of each domain is, and for which domains the box could get one by itself.
  returned: if gathered
  type: dict
  sample: {"status": [{"domain": "example.org", "status": "success", "text": "Signed & valid. ..."}], "can_provision": []}
web_domains:
  description: The domains that have a web site, as the box tells of them.
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
  description: The version of Mail-in-a-Box. Forks call themselves what they like.
  returned: if gathered
  type: str
  sample: v75
box:
  description:
    - What kind of box it is, as far as its answers show - C(kind), which is V(upstream), V(kiekerjan), V(geseidl),
      V(power-mailinabox), V(mailinabox-ldap) or V(unknown), and the C(marks) that show it.
    - C(support) is V(full), V(partial) if some writes are refused because they would lose data there, which C(refused) lists,
      or V(unknown).
    - C(clock_offset) is how many seconds the clock of the box is ahead, and null if the box doesn't say.
  returned: if gathered
  type: dict
  version_added: 1.1.0
  sample: {"kind": "upstream", "version": "v76", "marks": [], "support": "full", "refused": [], "clock_offset": 0}
latest_version:
  description: The newest version that there is, as the project's site says. Null if the box can't reach it.
  returned: if gathered
  type: str
  sample: v75
status_checks:
  description: What the box finds when it examines itself, as it tells - headings, and under each what is C(ok) or isn't.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"type": "heading", "text": "System", "extra": []}, {"type": "ok", "text": "...", "extra": []}]
updates:
  description: The packages that can be upgraded. The list may be up to eight hours old.
  returned: if gathered
  type: list
  elements: dict
  sample: [{"package": "openssl", "version": "3.0.2-0ubuntu1.21"}]
reboot_required:
  description: Whether a restart is due.
  returned: if gathered
  type: bool
  sample: false
privacy:
  description: Whether the box refrains from asking for new versions of itself.
  returned: if gathered
  type: bool
  sample: true
backup_config:
  description: Where backups go, a key in the target masked, and the folder of those on the box itself.
  returned: if gathered
  type: dict
  sample: {"target": "local", "min_age_in_days": 3, "folder": "/home/user-data/backup/encrypted"}
backup_status:
  description:
    - The backups that there are, as the box tells. Empty if backups are off; C(error) if it can't tell.
    - Passwords and keys of URLs are masked, here and in all other texts that you can't declare.
  returned: if gathered
  type: dict
  sample: {"backups": [{"date": "20200801T023706Z", "full": false, "size": 125332}], "unmatched_file_size": 0}
config:
  description:
    - What was set up by hand, in the form that declares it. No secrets, no automatic aliases, no archived mailboxes.
    - A target at Backblaze is told by its parts, without the key.
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
    - What planning needs to know of the box, without secrets, for the option O(mailinabox.admin.miab_config#module:snapshot).
      Add C(made_at), the time, such as V(2026-11-27T15:40:07Z); the playbook C(mailinabox.admin.snapshot) does.
  returned: if gathered
  type: dict
  sample: {"format": 1, "url": "https://box.example.com/admin", "username": "me@box.example.com", "marks": [], "answers": {}}
calls:
  description: What was sent to change the box, which is nothing.
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
  sample: {"code": "unsupported", "message": "GET /dns/zonefile/example.org: the box has no such thing ...", "details": {}}
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
    },
    planner=info.PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
