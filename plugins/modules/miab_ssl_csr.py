#!/usr/bin/python
# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a signing request for a domain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: miab_ssl_csr
short_description: Get a certificate signing request from a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Has a Mail-in-a-Box server make a request for a certificate, with the private key that all its certificates share.
    An authority can sign it, and M(mailinabox.admin.miab_ssl) installs what comes back.
  - A box makes the request anew each time and keeps none, so nothing changes on it.
options:
  domain:
    description:
      - The name that the certificate is to be for. V(*) may be its first label. It may be written in Unicode or in IDNA.
    type: str
    required: true
  country_code:
    description:
      - The country that the request names - two letters, after ISO 3166.
    type: str
    required: true
  path:
    description:
      - A file to keep the request in, on the machine that runs the task.
      - A file that holds a request already for the same key, name and country stays as it is, and that request is
        returned. To tell this needs the Python library C(cryptography).
      - It is written as by M(ansible.builtin.copy), and O(mode), O(owner) and the like mean what they mean there. They
        mean nothing without O(path).
      - Not to be combined with C(async).
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
- name: Make a request, and keep it in a file
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
      description: The request as PEM text; that of the file, if that is right.
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
    - What was sent to change the box, in order; in check mode, what would be sent. A request for a certificate changes nothing, so this is empty.
    - When the task fails, what had been sent by then.
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
