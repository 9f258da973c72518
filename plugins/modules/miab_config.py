#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage a whole box with one declaration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_config
short_description: Manage a whole Mail-in-a-Box server with one declaration
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Manages users, aliases, DNS records and settings of a Mail-in-a-Box server in one task. The entries have the options of the
    modules for single objects, and the same rules apply.
  - The task reads each list of the box once and writes only what differs. It adds users, aliases and DNS records in this order,
    then it removes DNS records, aliases and users.
  - The declaration is validated as a whole before the first write, and all errors are reported together. A record can be in a
    domain that a declared user adds, and an alias can permit a sender who is declared beside it.
  - Since 1.1.0, the task refuses a declaration that would leave a CNAME beside a record of the box, or custom records in a domain
    without an address. Remove such records in the same declaration, or purge them.
  - Objects that are not declared stay, unless you use O(purge).
  - If a write fails, the task stops. The result lists what was done, what failed and what is left. Run the task again to
    continue.
options:
  users:
    description:
      - Users, each with the options of M(mailinabox.admin.miab_user).
      - The task checks the password of each user with one request, unless the entry has C(update_password=on_create).
    type: list
    elements: dict
    suboptions:
      email:
        description: The mail address of the user.
        type: str
        required: true
      user_password:
        description: The password of the user. Required to create a user. Put a password of digits in quotes.
        type: str
      update_password:
        description: V(always) changes the password of an existing user if it differs. V(on_create) sets it for a new user only.
        type: str
        choices: [always, on_create]
        default: always
      privileges:
        description: The complete list of the user's privileges.
        type: list
        elements: str
      quota:
        description: The maximum size of the mailbox.
        type: str
      state:
        description: Whether the user exists.
        type: str
        choices: [present, absent]
        default: present
      force:
        description: Allow changes that lock somebody out.
        type: bool
        default: false
      remove_from_aliases:
        description:
          - With C(state=absent), what to do with aliases that name the user, also if they are not declared. It also counts if
            the user is removed already.
          - V(never) leaves them as they are, with a warning that names them.
          - V(shared) removes the user from the receivers and permitted senders of each alias that keeps at least one of them. The
            others stay, with a warning.
          - V(all) also removes the aliases that forward only to this user, so that their addresses receive no mail any more. They
            count for O(remove_limit). An alias stays if another alias receives the mail of the user.
          - An alias that also permits a sender who is not a user stays, with a warning, because a box refuses to change it.
          - Automatic aliases never change. The aliases C(administrator@) and C(hostmaster@) of the box are never removed.
          - If a declared alias names the user in one of its lists, the declaration is refused.
        type: str
        choices: [never, shared, all]
        default: never
        version_added: 1.1.0
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
        description: The complete list of addresses that receive the mail.
        type: list
        elements: str
      permitted_senders:
        description: The users who are allowed to send mail from the address.
        type: list
        elements: str
      state:
        description: Whether the alias exists.
        type: str
        choices: [present, absent]
        default: present
      force:
        description: Allow changes that take mail away from somebody.
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
        description: The record type.
        type: str
        required: true
      value:
        description: One value.
        type: str
      values:
        description: All values, as a list of strings or one string.
        type: raw
      state:
        description: Whether the values exist.
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
            description: The account on the other machine.
            type: str
            required: true
          host:
            description: The host name of the other machine.
            type: str
            required: true
          path:
            description: The folder.
            type: str
            required: true
          port:
            description: The SSH port.
            type: int
      s3:
        description: A bucket at Amazon S3 or at a compatible provider.
        type: dict
        suboptions:
          region:
            description: The region.
            type: str
          host:
            description: The host name of the provider, if it isn't Amazon.
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
            description: The ID of an application key.
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
        description: The user or access key for the target.
        type: str
      target_password:
        description: The password or secret key for the target.
        type: str
      update_credentials:
        description: Whether to send the credentials each time.
        type: str
        choices: [always, on_change]
        default: on_change
      min_age_in_days:
        description: The minimum number of days to keep backups.
        type: int
  privacy:
    description:
      - Whether to turn off the box's check for new versions of Mail-in-a-Box.
    type: bool
  purge:
    description:
      - The sections in which the task removes everything that is not declared. Declare each of these sections, at least as an
        empty list.
      - The task never removes automatic aliases, the aliases C(administrator@) and C(hostmaster@) of the box, your own account, and
        objects that O(keep) matches.
    type: list
    elements: str
    choices: [users, aliases, dns_records]
    default: []
  keep:
    description:
      - Patterns of mail addresses and DNS names that O(purge) does not remove, such as V(*@example.org) or V(*.example.org).
        C(*) matches any text, and C(?) matches one character.
      - If something is purged, the task warns about a pattern that matches nothing. If the pattern looks misspelled, because with one
        letter changed it would match an object to be purged, the task fails.
    type: list
    elements: str
    default: []
  purge_limit:
    description:
      - The maximum number of objects that O(purge) removes. If there are more, the task changes nothing, fails and lists them.
      - Defaults to 5, or to 20 % of the objects that the box has in the sections of O(purge), whichever is more.
      - Sections in O(purge_limits) do not count here.
    type: int
  purge_limits:
    description: The maximum number of objects that O(purge) removes from each section.
    type: dict
    suboptions:
      users:
        description: The limit for users.
        type: int
      aliases:
        description: The limit for aliases.
        type: int
      dns_records:
        description: The limit for DNS records, counted by name and type.
        type: int
    version_added: 1.1.0
  remove_limit:
    description:
      - The maximum number of objects that are removed because their entry has C(state=absent). If there are more, the task changes
        nothing, fails and lists them. By default there is no limit.
    type: int
    version_added: 1.1.0
  domains:
    description:
      - The domains that users and aliases of the declaration can have. An entry with another domain, for example a misspelled
        one, is an error. By default every domain is allowed.
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
  scope:
    description:
      - The domains that this declaration manages, if several declarations share the box. Their subdomains are included, unless
        O(scope_exclude) has a more exact domain. By default, the declaration manages the whole box.
      - Users, aliases and DNS records outside are errors, and so are permitted senders outside, O(secondary_nameservers),
        O(backup), O(privacy) and the privilege C(admin). An alias can forward to any address.
      - O(purge), its limits and C(notes) don't include objects outside, administrators of the box, and the host name of the box.
      - A change of users or aliases that would change a zone outside is an error, and so is one after which records outside
        would have no zone.
      - The account that signs in is an administrator of the whole box, so anyone who has its password can do anything. The task
        protects against wrong declarations, not against people who have the password.
    type: list
    elements: str
    version_added: 1.1.0
  scope_exclude:
    description:
      - The domains that other declarations of the same box manage. The playbooks and the role C(box) find them in the inventory.
      - Without O(scope), the declaration manages the rest of the box, including its settings and administrators.
    type: list
    elements: str
    version_added: 1.1.0
  approved:
    description:
      - The approved plan for this box. The task plans as usual and compares its plan with the approved one before the first
        write. If anything differs, it writes nothing and fails with the code C(plan_differs). An approved change that is
        already done is skipped, with a warning.
      - This has the same effect in check mode. The guide to saved plans describes it.
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
          - The approved digest, with all 64 digits. With O(approved.plan), the plan must have this digest.
          - Without O(approved.plan), the plan that the task makes now must have this digest.
        type: str
      max_age:
        description: The maximum age of the plan, such as V(30m), V(12h) or V(7d). By default any age is accepted.
        type: str
  return_version:
    description: Whether to return the version of the box, which takes one more request.
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
      - Whether to only validate the declaration, without the box. The task reports all errors that it can find without a
        request.
    type: bool
    default: false
    version_added: 1.1.0
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_info
    description: Its subset C(config) returns a declaration for this module.
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Manage users, aliases and DNS records, and remove all other aliases
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
  description: The changes, in order. In check mode, the predicted changes. Objects that don't change are left out.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description:
        - What kind of object it is - V(user), V(alias), V(dns_record), V(secondary_nameservers), V(backup) or V(system).
      type: str
      returned: success
      sample: user
    key:
      description:
        - Which object it is - the address of a user or an alias, or the name and type of DNS records, separated by a space.
          It is V(box) for V(secondary_nameservers), V(backup) and V(system), of which each box has exactly one.
      type: str
      returned: success
      sample: ann@example.org
    action:
      description: V(create), V(update) or V(remove).
      type: str
      returned: success
      sample: update
    before:
      description: The object before the change, in the form of its module's options.
      type: dict
      returned: success
      sample: {"email": "ann@example.org", "privileges": [], "quota": "1G", "state": "present"}
    after:
      description: The object after the change.
      type: dict
      returned: success
      sample: {"email": "ann@example.org", "privileges": [], "quota": "2G", "state": "present"}
    calls:
      description: The requests that make the change. Secrets are left out.
      type: list
      elements: dict
      returned: success
      sample: [{"method": "POST", "path": "/mail/users/quota", "form": {"email": "ann@example.org", "quota": "2G"}}]
notes:
  description: Further information about the plan.
  returned: success
  type: list
  elements: dict
  version_added: 1.1.0
  contains:
    kind:
      description:
        - V(new_domain) or V(domain_removed) for a domain that the box starts or stops to serve.
        - V(dangling_alias) for a declared alias that forwards to an address on the box that does not exist.
        - V(mailbox_without_mail) for a user, declared or with the address of a declared alias, whose mail an alias forwards elsewhere.
        - V(undeclared) for objects of the box that are not declared.
      type: str
      returned: success
      sample: new_domain
    about:
      description: The domain, the alias, the user or the section.
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
    - Further data for a saved plan - the C(url) of the box, its C(version) (with O(return_version)), the C(snapshot) that was used,
      C(warnings) about the changes, what is C(unknown) without the box, and the C(digest) of the changes.
    - Also returned, together with C(changes), if the changes are not the approved ones. Then it describes the current plan.
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
    - Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
    - For C(invalid_declaration), C(details.mistakes) lists each error with C(where) and C(why). If a write failed,
      C(details.failed) is the request, and C(details.left) lists the requests that were not sent.
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
        "users": {"type": "list", "elements": "dict", "options": users.DECLARED_OPTIONS},
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
        "scope": {"type": "list", "elements": "str"},
        "scope_exclude": {"type": "list", "elements": "str"},
        "approved": {
            "type": "dict",
            "options": {
                "plan": {"type": "raw"},
                "host": {"type": "str"},
                "digest": {"type": "str"},
                "max_age": {"type": "str"},
            },
        },
        "return_version": {"type": "bool", "default": False},
        "snapshot": {"type": "raw"},
        "validate_only": {"type": "bool", "default": False},
    },
    concerns=whole_box.concerns,
    validate=whole_box.validate,
    planner=whole_box.PLANNER,
    not_null=("scope",),
    secrets=lambda options: backup.secrets(options["backup"] or {}),
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
