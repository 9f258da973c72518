#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: see plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_push
short_description: Push the DNS records of a Mail-in-a-Box to a DNS provider
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Writes the records that P(mailinabox.admin.dns_wanted#filter) returns to the zones of a DNS provider, through octoDNS.
  - Runs on the controller, which needs C(octodns) and the Python package of the provider, such as C(octodns-cloudflare).
  - Never touches records of others. A record set of a box has a marker beside it, a TXT record whose name starts with
    C(_miab-owner). Only record sets with the marker of this box are changed and removed. A record set without a marker
    gets one if it is equal to the wanted one; if it differs, it stays, and is in RV(kept).
  - TXT records of others may have the same name as a wanted one. Their values stay.
  - Each push first plans, and applies exactly that plan. If the records of the provider change in between, it fails.
  - octoDNS refuses a plan that changes or removes more than 30 percent of the records of a zone with ten records or more.
options:
  zones:
    description: The wanted records, as P(mailinabox.admin.dns_wanted#filter) returns them.
    type: list
    elements: dict
    required: true
  provider:
    description:
      - The provider as in octoDNS's configuration - its C(class) and its options. The documentation of each octoDNS
        provider shows them.
      - Write a secret as C(env/NAME), and put the secret into O(environment) or into the environment of Ansible.
    type: dict
    required: true
  environment:
    description:
      - Environment variables for octoDNS, such as credentials. They are in no file and not in the process list.
    type: dict
    default: {}
  owner:
    description:
      - The box that the records belong to. It is part of the markers, so that several boxes can share a zone. If it
        changes, the records of the old name stay.
      - Defaults to the host name of the box, as P(mailinabox.admin.dns_wanted#filter) knows it.
    type: str
  take_over:
    description:
      - Records of others to replace. Each entry has a pattern for names, and one for types - C(example.org MX), or
        C(mail._domainkey.* TXT). Of a TXT record only texts of the same kind are replaced, such as another SPF record.
      - A CNAME of others is never replaced. Remove it at the provider.
    type: list
    elements: str
    default: []
  create_zones:
    description: Whether to create zones that the provider does not have. Otherwise they are an error.
    type: bool
    default: false
  force:
    description: Whether to apply a plan that octoDNS considers too large.
    type: bool
    default: false
  executable:
    description: Where the program C(octodns-sync) is. Defaults to the one beside Ansible's Python, then to the one on C(PATH).
    type: path
    default: ""
  timeout:
    description: How many seconds octoDNS may take to plan, and to apply.
    type: int
    default: 300
attributes:
  check_mode:
    description: Plans and changes nothing.
    support: full
  diff_mode:
    description: Shows the records that change.
    support: full
extends_documentation_fragment:
  - mailinabox.admin.attributes
seealso:
  - plugin: mailinabox.admin.dns_wanted
    plugin_type: filter
  - module: mailinabox.admin.dns_verify
"""

EXAMPLES = r"""
- name: Read what the box publishes
  mailinabox.admin.miab_info:
    gather_subset: dns_dump
  register: box

- name: Push it to Cloudflare
  mailinabox.admin.dns_push:
    zones: "{{ box.dns_dump | mailinabox.admin.dns_wanted(leave_out=['website']) }}"
    provider:
      class: octodns_cloudflare.CloudflareProvider
      token: env/CLOUDFLARE_TOKEN
    environment:
      CLOUDFLARE_TOKEN: "{{ vault_cloudflare_token }}"
"""

RETURN = r"""
changes:
  description:
    - The changes that were made, or in check mode those that would be made. C(action) is V(create), V(update) or V(remove).
  returned: success
  type: list
  elements: dict
  sample:
    - zone: example.org
      name: example.org
      type: MX
      action: create
      before: []
      after: ["10 box.example.com."]
kept:
  description: The wanted records that were not written, and why, most of them because a record of others is there.
  returned: success
  type: list
  elements: dict
  sample:
    - {"zone": "example.org", "name": "www.example.org", "type": "A", "reason": "a CNAME of others is there"}
failure:
  description:
    - Why the task failed, for a playbook to test - C(code), C(message) and C(details).
    - Of a push that failed halfway, C(details) has the number of changes that were C(planned), and of those that are
      C(left). The next push makes them.
  returned: failure
  type: dict
  sample: {"code": "push_failed", "message": "octoDNS could not update the zones: ...", "details": {"planned": 8, "left": 3}}
"""
