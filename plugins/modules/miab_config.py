#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a whole box as one declaration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_config
short_description: Keep a whole Mail-in-a-Box as one declaration
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Makes users, aliases, DNS records and settings of a Mail-in-a-Box server what one task declares, with the same rules
    as the modules for single objects, whose options the entries have.
  - Each list of the box is read once. Only what differs is written, in an order that works - users, aliases and DNS
    records that come, then DNS records, aliases and users that go.
  - The whole declaration is checked before the first write, also against itself, and all its mistakes are told at once.
    A record may be in a domain that a declared user brings, an alias may permit a sender who is declared beside it.
  - From 1.1.0 on, a declaration is refused that would leave a CNAME beside what the box then publishes, or custom records
    of a domain without an address. Such records have to go in the same declaration, or be purged.
  - What isn't declared stays, unless O(purge) says otherwise.
  - If a write fails, the task stops there. The result tells what was done, what failed and what is left, and running
    the task again goes on from there.
options:
  users:
    description:
      - Users, each with the options of M(mailinabox.admin.miab_user).
      - The password of each user is proved, one request each, unless its entry says C(update_password=on_create).
    type: list
    elements: dict
    suboptions:
      email:
        description: The user's mail address.
        type: str
        required: true
      user_password:
        description: The user's password. Needed to make a user. Put a password of digits in quotes.
        type: str
      update_password:
        description: Whether the password of an existing user is to be this one.
        type: str
        choices: [always, on_create]
        default: always
      privileges:
        description: All the privileges that the user is to have.
        type: list
        elements: str
      quota:
        description: How much mail the user may keep.
        type: str
      state:
        description: Whether the user is to be there.
        type: str
        choices: [present, absent]
        default: present
      force:
        description: Do what would lock somebody out.
        type: bool
        default: false
  aliases:
    description:
      - Aliases, each with the options of M(mailinabox.admin.miab_alias).
    type: list
    elements: dict
    suboptions:
      address:
        description: The address of the alias.
        type: str
        required: true
      forwards_to:
        description: All the addresses that receive the mail.
        type: list
        elements: str
      permitted_senders:
        description: The users who may send mail from the address.
        type: list
        elements: str
      state:
        description: Whether the alias is to be there.
        type: str
        choices: [present, absent]
        default: present
      force:
        description: Do what would take mail away.
        type: bool
        default: false
  dns_records:
    description:
      - Custom DNS records, each with the options of M(mailinabox.admin.miab_dns_record). The declared values are the
        only ones of their name and type.
    type: list
    elements: dict
    suboptions:
      name:
        description: The full name.
        type: str
        required: true
      type:
        description: The type of record.
        type: str
        required: true
      value:
        description: One value.
        type: str
      values:
        description: All values, a list of texts or one text.
        type: raw
      state:
        description: Whether the values are to be there.
        type: str
        choices: [present, absent]
        default: present
  secondary_nameservers:
    description:
      - All secondary name servers, as O(mailinabox.admin.miab_secondary_nameserver#module:hostnames). An empty list removes them.
    type: list
    elements: str
  backup:
    description:
      - Where backups go, with the options of M(mailinabox.admin.miab_backup_config).
    type: dict
    suboptions:
      target:
        description: V(off), V(local) or a URL.
        type: str
      rsync:
        description: A folder on another machine.
        type: dict
        suboptions:
          user:
            description: The account there.
            type: str
            required: true
          host:
            description: The machine's host name.
            type: str
            required: true
          path:
            description: The folder there.
            type: str
            required: true
          port:
            description: The port of SSH there.
            type: int
      s3:
        description: A bucket at Amazon, or at a provider with the same interface.
        type: dict
        suboptions:
          region:
            description: The region.
            type: str
          host:
            description: The host name of another provider than Amazon.
            type: str
          bucket:
            description: The bucket's name.
            type: str
            required: true
          path:
            description: A folder in the bucket.
            type: str
            default: ""
      b2:
        description: A bucket at Backblaze.
        type: dict
        suboptions:
          key_id:
            description: The id of an application key.
            type: str
            required: true
          application_key:
            description: The application key.
            type: str
          bucket:
            description: The bucket's name.
            type: str
            required: true
      target_user:
        description: The user, or access key, that the target wants.
        type: str
      target_password:
        description: The password, or secret key, that the target wants.
        type: str
      update_credentials:
        description: Whether to send credentials each time.
        type: str
        choices: [always, on_change]
        default: on_change
      min_age_in_days:
        description: For how many days backups are kept at least.
        type: int
  privacy:
    description:
      - Whether the box keeps to itself, and doesn't ask whether there is a new version of it.
    type: bool
  purge:
    description:
      - Sections of which only what is declared may stay. Everything else in them is removed. Each has to be declared, if
        only as an empty list.
      - Never removed are automatic aliases, the aliases C(administrator@) and C(hostmaster@) of the box, the account that
        the task is signed in with, and what O(keep) names.
    type: list
    elements: str
    choices: [users, aliases, dns_records]
    default: []
  keep:
    description:
      - Patterns of mail addresses and DNS names that O(purge) leaves alone, such as V(*@example.org) or V(*.example.org).
        C(*) stands for anything, C(?) for one character.
      - If something is purged, a pattern that matches nothing gets a warning. It is an error if it would match something
        that is purged once a typing error of one letter is corrected.
    type: list
    elements: str
    default: []
  purge_limit:
    description:
      - How many objects may be purged. If there are more, nothing is changed, and the task fails and lists them.
      - Left out, it is 5, or 20 % of what the box has now in the sections of O(purge), whichever is more.
      - A section in O(purge_limits) does not count here.
    type: int
  purge_limits:
    description: How many objects of one section may be purged.
    type: dict
    suboptions:
      users:
        description: How many users.
        type: int
      aliases:
        description: How many aliases.
        type: int
      dns_records:
        description: How many names and types of DNS records.
        type: int
    version_added: 1.1.0
  remove_limit:
    description:
      - How many objects may be removed because their entry says C(state=absent). If there are more, nothing is changed, and
        the task fails and lists them. There is no limit by default.
    type: int
    version_added: 1.1.0
  domains:
    description:
      - The domains for which the declaration may have users and aliases. An entry with another domain, such as a
        misspelt one, is a mistake. Without this option every domain is allowed.
    type: list
    elements: str
    version_added: 1.1.0
  show_undeclared:
    description:
      - Whether C(notes) names all users, aliases and DNS records of the box that are not declared. Otherwise it has their
        numbers, for the sections that are declared and not purged.
    type: bool
    default: false
    version_added: 1.1.0
  approved:
    description:
      - What was approved for this box. The task plans as always, and compares the plan with it before the first write. If
        anything differs, nothing is written, and the task fails with the code C(plan_differs). A change that was approved
        and is done already is skipped, with a warning.
      - It has the same effect in check mode. The guide to saved plans describes it.
    type: dict
    version_added: 1.1.0
    suboptions:
      plan:
        description: The contents of a C(plan.json), as text or as data, or one entry of its C(boxes).
        type: raw
      host:
        description: The host in the plan. Without it, the entry with the URL of the box is used.
        type: str
      digest:
        description:
          - The digest that was approved, all 64 digits of it. With O(approved.plan), the plan has to have it.
          - Without, the digest of what is planned now for this box has to be this one.
        type: str
      max_age:
        description: How old the plan may be, such as V(30m), V(12h) or V(7d). Without it, of any age.
        type: str
  tell_version:
    description: Whether to return the version of the box, too. That takes one more request.
    type: bool
    default: false
    version_added: 1.1.0
  snapshot:
    description:
      - A snapshot to plan against instead of the box, as text or as data, as the subset C(snapshot) of
        M(mailinabox.admin.miab_info) returns it. No request is made. Works in check mode only.
    type: raw
    version_added: 1.1.0
  validate_only:
    description:
      - Whether to only check the declaration, without the box. All mistakes are found that can be known from it alone.
        No request is made.
    type: bool
    default: false
    version_added: 1.1.0
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_info
    description: Its subset C(config) is what this module takes.
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: The box is this, and no other aliases are on it
  mailinabox.admin.miab_config:
    users:
      - email: ann@example.org
        user_password: "{{ ann_password }}"
        quota: 2G
      - email: carol@example.org
        state: absent
    aliases:
      - address: sales@example.org
        forwards_to: [ann@example.org, bob@example.org]
      - address: "@shop.example"
        forwards_to: ["@example.org"]
    dns_records:
      - name: www.shop.example
        type: A
        values: [192.0.2.1, 192.0.2.2]
    privacy: false
    purge: [aliases]
    keep: ["*@lists.example.org"]
"""

RETURN = r"""
changes:
  description: What was changed, in order; in check mode, what would be. What is as it should be isn't listed.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: What kind of object it is.
      type: str
      returned: success
      sample: user
    key:
      description: What the object is called.
      type: str
      returned: success
      sample: ann@example.org
    action:
      description: V(create), V(update) or V(remove).
      type: str
      returned: success
      sample: update
    before:
      description: The object as it was, in the form of its module's options.
      type: dict
      returned: success
      sample: {"email": "ann@example.org", "privileges": [], "quota": "1G", "state": "present"}
    after:
      description: The object as it is to be.
      type: dict
      returned: success
      sample: {"email": "ann@example.org", "privileges": [], "quota": "2G", "state": "present"}
    calls:
      description: The calls that make the change. Secrets are left out.
      type: list
      elements: dict
      returned: success
      sample: [{"method": "POST", "path": "/mail/users/quota", "form": {"email": "ann@example.org", "quota": "2G"}}]
notes:
  description: What you should know beside the changes.
  returned: success
  type: list
  elements: dict
  version_added: 1.1.0
  contains:
    kind:
      description:
        - V(new_domain) or V(domain_removed) for a domain that the box comes to serve, or no longer serves.
        - V(dangling_alias) for a declared alias that forwards to an address on the box that does not exist.
        - V(undeclared) for objects of the box that are not declared.
      type: str
      returned: success
      sample: new_domain
    about:
      description: The domain, the alias or the section.
      type: str
      returned: success
      sample: exmaple.org
    text:
      description: One line for people.
      type: str
      returned: success
      sample: "new domain exmaple.org: the box will make a DNS zone and accept mail for it. Did you mean example.org?"
plan:
  description:
    - What else a saved plan has of this box - its C(url), its C(version) (with O(tell_version)), the C(snapshot) that was
      used, C(warnings) about the changes, what is C(unknown) without the box, and the C(digest) of the changes.
    - Also returned if the changes are not the approved ones. Then it is what is planned now, along with C(changes).
  returned: success, or if RV(failure) has the code C(plan_differs)
  type: dict
  sample: {"url": "https://box.example.com/admin", "version": "v75", "warnings": [], "unknown": [], "snapshot": null}
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
  sample: {"reads": 8, "writes": 1}
failure:
  description:
    - Why the task failed, for a playbook to test - C(code), C(message) and C(details).
    - For C(invalid_declaration), C(details.mistakes) lists each mistake with C(where) and C(why). When a write failed,
      C(details.failed) is the call, and C(details.left) lists those that were not sent any more.
  returned: failure
  type: dict
  sample: {"code": "invalid_declaration", "details": {"mistakes": [{"where": "users[0] ann@example", "why": "email: ..."}]}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import aliases, backup, dns, users, whole_box

TASK = Task(
    name="changes",
    many=True,
    options={
        "users": {"type": "list", "elements": "dict", "options": users.OPTIONS},
        "aliases": {"type": "list", "elements": "dict", "options": aliases.OPTIONS},
        "dns_records": {
            "type": "list",
            "elements": "dict",
            "options": {name: spec for name, spec in dns.OPTIONS.items() if name != "exclusive"},
            **dns.RULES,
        },
        "secondary_nameservers": {"type": "list", "elements": "str"},
        "backup": {"type": "dict", "options": backup.OPTIONS, **backup.RULES},
        "privacy": {"type": "bool"},
        "purge": {"type": "list", "elements": "str", "choices": ["users", "aliases", "dns_records"], "default": []},
        "keep": {"type": "list", "elements": "str", "default": []},
        "purge_limit": {"type": "int"},
        "purge_limits": {
            "type": "dict",
            "options": {"users": {"type": "int"}, "aliases": {"type": "int"}, "dns_records": {"type": "int"}},
        },
        "remove_limit": {"type": "int"},
        "domains": {"type": "list", "elements": "str"},
        "show_undeclared": {"type": "bool", "default": False},
        "approved": {
            "type": "dict",
            "options": {
                "plan": {"type": "raw"},
                "host": {"type": "str"},
                "digest": {"type": "str"},
                "max_age": {"type": "str"},
            },
        },
        "tell_version": {"type": "bool", "default": False},
        "snapshot": {"type": "raw"},
        "validate_only": {"type": "bool", "default": False},
    },
    validate=whole_box.validate,
    planner=whole_box.PLANNER,
    secrets=lambda options: backup.secrets(options["backup"] or {}),
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
