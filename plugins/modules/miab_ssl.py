#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the certificate of a domain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_ssl
short_description: Manage the certificate of a domain of a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Installs a TLS certificate for one domain of a Mail-in-a-Box server, or has the box obtain one by itself.
  - To find out whether a certificate is installed, the task compares it with the certificate that the box serves for the
    domain, on the host and port of the API. This connection accepts an invalid certificate and sends no credentials.
  - A box has one private key for all its certificates, and no task reads it. The certificate has to be issued for a signing
    request of the box, see M(mailinabox.admin.miab_ssl_csr).
options:
  domain:
    description:
      - A domain for which the box has a website, or the host name of the box. You can write it in Unicode or in IDNA.
    type: str
    required: true
  certificate:
    description:
      - The certificate as PEM text, for O(state=installed). The chain can follow in the same text, as in the file
        C(fullchain.pem) of many ACME clients.
      - The task checks it before it sends it - the names, the dates, the key, and the order of the chain. Only subject
        alternative names count, and a wildcard matches one label.
      - This is a text, not a path. V(lookup('file', ...\)) reads a file on the controller.
      - If a box has several certificates for a domain, it uses the one that expires last. It uses a wildcard only if no
        certificate names the domain itself. A certificate that the box would store but not use is an error.
    type: str
  chain:
    description:
      - The intermediate certificates between O(certificate) and a trusted root, as PEM text. Each certificate is followed by
        that of its issuer.
    type: str
  state:
    description:
      - V(installed) makes the box serve O(certificate) for the domain.
      - V(provisioned) makes the box obtain a certificate if it has none for the domain, or one that expires soon. A box can't do
        that for a single domain, so it obtains certificates for all of its domains that need one. An error for another
        domain is listed in RV(certificate.provisioned) and does not fail the task.
    type: str
    choices: [installed, provisioned]
    default: installed
  wait:
    description:
      - With O(state=provisioned), the number of seconds to wait until the box can obtain a certificate. Before that, DNS has to
        resolve the domain to the box. The task asks the box every few seconds, and fails when the time is over.
      - With V(0), the task fails at once if the box can't obtain a certificate now. In check mode the task does not wait. It
        predicts what happens after the wait.
    type: int
    default: 0
  new_domains:
    description:
      - Mail domains that an earlier task of the same run adds to the box. In check mode they are not there yet, and without
        this option the task fails for them. With it, the task predicts the certificate, and warns that it could not check
        everything.
      - It covers a domain of the list, and the names that a box adds to one, such as V(www.example.org).
      - Outside check mode, it makes no difference for a domain that the box has.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
requirements:
  - cryptography, for O(state=installed)
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
seealso:
  - module: mailinabox.admin.miab_ssl_csr
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Obtain a certificate as soon as DNS resolves the domain to the box
  mailinabox.admin.miab_ssl:
    domain: example.org
    state: provisioned
    wait: 600

- name: Install a certificate of your own authority
  mailinabox.admin.miab_ssl:
    domain: box.example.com
    certificate: "{{ lookup('ansible.builtin.file', 'box.example.com.pem') }}"
    chain: "{{ lookup('ansible.builtin.file', 'chain.pem') }}"

# These two also work in check mode, where the domain isn't on the box yet.
- name: Add the first user of a domain
  mailinabox.admin.miab_user:
    email: ann@new.example
    user_password: "{{ ann_password }}"

- name: Get its certificate
  mailinabox.admin.miab_ssl:
    domain: new.example
    state: provisioned
    wait: 600
    new_domains: [new.example]
"""

RETURN = r"""
certificate:
  description:
    - The certificate after the task. In check mode, the predicted certificate.
    - With O(state=installed), this describes the certificate that the box serves. Times are in UTC. With O(state=provisioned),
      C(status) is the box's own description.
  returned: success
  type: dict
  contains:
    domain:
      description: The domain in IDNA.
      returned: success
      type: str
      sample: example.org
    state:
      description: V(installed), V(provisioned), or V(absent) if no certificate is valid for the domain.
      returned: success
      type: str
      sample: installed
    names:
      description: The DNS names of the certificate.
      returned: O(state=installed)
      type: list
      elements: str
      sample: [example.org, www.example.org]
    issuer:
      description: The issuer.
      returned: O(state=installed)
      type: str
      sample: CN=Our authority
    ends:
      description: When it expires.
      returned: O(state=installed)
      type: str
      sample: "2027-02-20T18:00:00Z"
    sha256:
      description: The SHA-256 fingerprint.
      returned: O(state=installed)
      type: str
      sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    status:
      description: The box's description of the certificate.
      returned: O(state=provisioned), unless the certificate is only predicted
      type: str
      sample: Signed & valid. The certificate expires in 89 days on 2027-02-20.
    provisioned:
      description:
        - The result for each domain of the box - C(domain), C(result), which is V(installed), V(skipped) or V(error), and
          C(log), the lines that the box logged. If the task asked more than once, all results in order.
        - If the task fails because of O(domain), RV(failure) has this list instead.
      returned: if the task asked the box to obtain certificates
      type: list
      elements: dict
      sample: [{"domain": "example.org", "result": "installed", "log": ["The certificate was issued."]}]
calls:
  description:
    - The requests that changed the box, in order. In check mode, the requests that would be sent.
    - If the task fails, the requests that were sent before.
  returned: always
  type: list
  elements: dict
  sample: [{"method": "POST", "path": "/ssl/provision"}]
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 3, "writes": 1}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "refused", "message": "domain: example.org: ...", "details": {"option": "domain", "value": "example.org"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import certificates

TASK = Task(
    name="certificate",
    options={
        "domain": {"type": "str", "required": True},
        "certificate": {"type": "str"},
        "chain": {"type": "str"},
        "state": {"type": "str", "choices": ["installed", certificates.PROVISIONED], "default": "installed"},
        "wait": {"type": "int", "default": 0},
        "new_domains": {"type": "list", "elements": "str", "default": []},
    },
    rules={"required_if": [("state", "installed", ("certificate",))]},
    planner=certificates.PLANNER,
    secrets=certificates.secrets,
    publishes=True,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
