#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a signing request for a domain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_ssl_csr
short_description: Create a certificate signing request on a Mail-in-a-Box server
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Creates a certificate signing request with the private key of a Mail-in-a-Box server. All its certificates share this key.
    A certificate authority signs the request, and M(mailinabox.admin.miab_ssl) installs the certificate.
  - The box creates a new request each time and stores none, so nothing changes on the box.
options:
  domain:
    description:
      - The domain of the certificate. The first label can be V(*). You can write the domain in Unicode or in IDNA.
    type: str
    required: true
  country_code:
    description:
      - The country in the request, as two letters (ISO 3166).
    type: str
    required: true
  path:
    description:
      - A file for the request, on the machine that runs the task.
      - If the file already has a request with the same key, domain and country, it stays as it is and the task returns that
        request. This check requires the Python library C(cryptography).
      - The task writes the file like M(ansible.builtin.copy). O(mode), O(owner) and similar options work as they do there. They
        have no effect without O(path).
      - Can't be combined with C(async).
    type: path
extends_documentation_fragment:
  - mailinabox.admin.box
  - mailinabox.admin.attributes
  - ansible.builtin.files
seealso:
  - module: mailinabox.admin.miab_ssl
"""

EXAMPLES = r"""
# The box and the credentials come from module_defaults (group/mailinabox.admin.box), or from MIAB_HOST,
# MIAB_USERNAME and MIAB_PASSWORD in the environment.
- name: Create a request and write it to a file
  mailinabox.admin.miab_ssl_csr:
    domain: box.example.com
    country_code: GB
    path: box.example.com.csr
    mode: "0644"
  register: made

- name: Show it
  ansible.builtin.debug:
    msg: "{{ made.signing_request.csr }}"
"""

RETURN = r"""
signing_request:
  description: The request, in the form of the options.
  returned: success
  type: dict
  contains:
    domain:
      description: The name in IDNA.
      returned: success
      type: str
      sample: box.example.com
    country_code:
      description: The country.
      returned: success
      type: str
      sample: GB
    csr:
      description: The request as PEM text. This is the request of the file, if the file already has the right one.
      returned: success
      type: str
      sample: "-----BEGIN CERTIFICATE REQUEST-----\\n..."
    path:
      description: The file.
      returned: if O(path) was given
      type: str
      sample: box.example.com.csr
calls:
  description:
    - Always empty, because a signing request changes nothing on the box.
  returned: always
  type: list
  elements: dict
  sample: []
requests:
  description: The number of requests that the task made, by kind.
  returned: always
  type: dict
  sample: {"reads": 1, "writes": 0}
failure:
  description: Why the task failed, in a form that playbooks can test - C(code), C(message) and C(details).
  returned: failure
  type: dict
  sample: {"code": "invalid_option", "message": "country_code: 'GBR': ...", "details": {"option": "country_code", "value": "GBR"}}
"""

from ..module_utils._engine.module import run_module
from ..module_utils._engine.task import Task
from ..module_utils._resources import signing_requests

TASK = Task(
    name="signing_request",
    options={
        "domain": {"type": "str", "required": True},
        "country_code": {"type": "str", "required": True},
        "path": {"type": "path"},
    },
    file_key="csr",
    planner=signing_requests.PLANNER,
)


def main() -> None:
    run_module(TASK)


if __name__ == "__main__":
    main()
