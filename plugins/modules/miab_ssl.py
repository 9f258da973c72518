#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the certificate of a domain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_ssl
short_description: Keep the certificate of a domain of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Installs a TLS certificate for one domain of a Mail-in-a-Box server, or lets the box get one by itself.
  - Whether a certificate is installed is seen from the one that the box serves to who asks for the domain, on the
    same host and port as the API. For that look it need not be valid, and no credentials are sent.
  - A box keeps one private key for all its certificates, and no task handles it. What is installed has to be issued on
    a request that the box made, see M(mailinabox.admin.miab_ssl_csr).
options:
  domain:
    description:
      - A domain for which the box has a website, or the box's own name. It may be written in Unicode or in IDNA.
    type: str
    required: true
  certificate:
    description:
      - The certificate as PEM text, for O(state=installed). Its chain may follow in the same text, as in the file
        C(fullchain.pem) of many clients.
      - It is checked before it is sent - its names, dates and key, and the order of its chain. Names count only as
        subject alternative names, and a wildcard stands for one label.
      - A text, not a path. V(lookup('file', ...\)) reads it on the controller, wherever the task runs.
      - Of several certificates for a domain a box uses the one that ends last, and a wildcard only if none names
        the domain itself. One that the box would keep and not use is an error.
    type: str
  chain:
    description:
      - The certificates of the authorities that lead from O(certificate) to one that is known everywhere, as PEM text,
        each followed by that of its issuer.
    type: str
  state:
    description:
      - With V(installed) the box serves O(certificate) for the domain.
      - With V(provisioned) the box has a valid certificate for the domain. If it has none, or one that ends soon, and
        could get one, it is told to. It then gets certificates for all of its domains that need one, since it can't do
        that for one alone. An error at another domain is told in RV(certificate.provisioned) and fails nothing.
    type: str
    choices: [installed, provisioned]
    default: installed
  wait:
    description:
      - With O(state=provisioned), how many seconds to wait until the box can get a certificate, which needs the domain's
        name to lead to it. The box is asked every few seconds, and if the time is over the task fails.
      - With V(0) a box that can't get one now is an error at once. In check mode there is no waiting, and what comes
        after it is predicted.
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
- name: The box gets certificates by itself, once the name leads to it
  mailinabox.admin.miab_ssl:
    domain: example.org
    state: provisioned
    wait: 600

- name: The certificate of an authority of our own
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
    - The certificate as the box has it now, or would have it in check mode.
    - With O(state=installed) that is what it serves, its time in UTC and its fingerprint. With O(state=provisioned)
      C(status) is what the box says of it.
  returned: success
  type: dict
  contains:
    domain:
      description: The domain in IDNA.
      returned: success
      type: str
      sample: example.org
    state:
      description: V(installed), V(provisioned), or V(absent) if there is none that is good for the domain.
      returned: success
      type: str
      sample: installed
    names:
      description: The DNS names that the certificate is for.
      returned: O(state=installed)
      type: list
      elements: str
      sample: [example.org, www.example.org]
    issuer:
      description: Who issued it.
      returned: O(state=installed)
      type: str
      sample: CN=Our authority
    ends:
      description: Until when it is valid.
      returned: O(state=installed)
      type: str
      sample: "2027-02-20T18:00:00Z"
    sha256:
      description: Its fingerprint.
      returned: O(state=installed)
      type: str
      sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    status:
      description: What the box says of the certificate.
      returned: O(state=provisioned), unless the certificate is only predicted
      type: str
      sample: Signed & valid. The certificate expires in 89 days on 2027-02-20.
    provisioned:
      description:
        - What came of each domain of the box - C(domain), C(result), which is V(installed), V(skipped) or V(error), and
          C(log), the box's own lines on it. If the box was asked more than once, all of it in order.
        - If the task fails because of O(domain), it is found in RV(failure) instead.
      returned: if the box was told to get certificates
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
