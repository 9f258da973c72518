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
  - Changes and removes only record sets that belong to this box. Each of them has a marker, which is a TXT record whose name
    starts with C(_miab-owner). A record set without a marker gets one if it is equal to the wanted one. If it differs, it
    stays unchanged, and RV(kept) lists it.
  - Other TXT values at the name of a wanted TXT record stay unchanged.
  - Each push first makes a plan and then applies exactly that plan. It fails if the records of the provider change in between.
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
      - Environment variables for octoDNS, such as credentials. They are not written to any file or shown in the process list.
    type: dict
    default: {}
  owner:
    description:
      - The box that the records belong to. It is part of the markers, so that several boxes can share a zone. If it
        changes, the records of the old name stay.
      - Defaults to the host name of the box in O(zones).
    type: str
  take_over:
    description:
      - Records without the marker of this box to replace. Each entry has a pattern for names and one for types, such as
        C(example.org MX) or C(mail._domainkey.* TXT). In a TXT record set, only values of the same kind are replaced, such
        as another SPF record. Other TXT values at the same name stay.
      - A CNAME without the marker is never replaced. Remove it at the provider.
    type: list
    elements: str
    default: []
  create_zones:
    description: Whether to create zones that the provider does not have. If this is not set, a missing zone is an error.
    type: bool
    default: false
  force:
    description: Whether to apply a plan that octoDNS considers too large.
    type: bool
    default: false
  executable:
    description: The path of the program C(octodns-sync). Defaults to the one beside Ansible's Python, then to the one on C(PATH).
    type: path
    default: ""
  timeout:
    description: How many seconds octoDNS may take for each of its two runs, planning and applying.
    type: int
    default: 300
attributes:
  check_mode:
    description: Makes the plan and applies nothing.
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
  description: The wanted records that were not written, with the reasons. Most often, another record is in the way.
  returned: success
  type: list
  elements: dict
  sample:
    - {"zone": "example.org", "name": "www.example.org", "type": "A", "reason": "the name has a CNAME that this box does not own"}
failure:
  description:
    - Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
    - If a push failed halfway, C(details) has the number of C(planned) changes, and the number of those that are C(left).
      The next push makes them.
  returned: failure
  type: dict
  sample: {"code": "push_failed", "message": "octoDNS could not update the zones: ...", "details": {"planned": 8, "left": 3}}
"""
