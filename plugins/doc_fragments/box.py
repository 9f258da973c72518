# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the connection, which every module has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description:
      - The box, as a host name, a host name with a port, or a URL. The admin API has to be at C(/admin).
      - A URL with C(http) is accepted for a loopback address only.
      - Defaults to the environment variable E(MIAB_HOST).
    type: str
    required: true
  username:
    description:
      - The mail address of an administrator of the box.
      - Defaults to the environment variable E(MIAB_USERNAME).
    type: str
    required: true
  password:
    description:
      - The administrator's password. Set either O(password) or O(api_key).
      - Defaults to the environment variable E(MIAB_PASSWORD).
    type: str
  api_key:
    description:
      - A session key from M(mailinabox.admin.miab_session), used instead of the password. It expires when the box restarts.
      - Defaults to the environment variable E(MIAB_API_KEY).
    type: str
  totp_secret:
    description:
      - The TOTP secret (base32) of the administrator's account, if the account has MFA.
      - The task signs in once and signs out at the end. A box accepts each code only once. It also accepts the previous and
        the next code, so consecutive tasks use these. A rejected code counts as a failed login at the box. To sign in only
        once for many tasks, use M(mailinabox.admin.miab_session).
      - Not needed together with O(api_key).
      - Requires the Python library C(pyotp).
      - Defaults to the environment variable E(MIAB_TOTP_SECRET).
    type: str
  ca_path:
    description:
      - A file or folder with the CA certificates that verify the box, on the machine that runs the task.
      - Defaults to the CAs that the system trusts.
      - Defaults to the environment variable E(MIAB_CA_PATH).
    type: path
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the box. If you turn this off, anyone on the network path can read the password.
      - Defaults to the environment variable E(MIAB_VALIDATE_CERTS).
    type: bool
    default: true
  timeout:
    description:
      - The number of seconds that one request may take, from its start to the end of the answer. A change can take long on a
        box with many domains.
      - Defaults to the environment variable E(MIAB_TIMEOUT).
    type: int
    default: 120
  unknown_box:
    description:
      - What to do before the first write to an unknown kind of box. A box is unknown if its answers have fields, or its
        version has a form, that neither upstream nor a known fork has.
      - V(stop) fails the task and names what is unknown. V(write) writes anyway.
      - Reading always works.
      - Defaults to the environment variable E(MIAB_UNKNOWN_BOX).
    type: str
    choices: [stop, write]
    default: stop
    version_added: 1.1.0
requirements:
  - requests
notes:
  - Works with Mail-in-a-Box v0.51 and newer. Tested with recorded answers of v0.51, v55, v60, v75 and v76, and of the forks
    kiekerjan, Geseidl, power-mailinabox and mailinabox-ldap. Some writes would lose data on the last two. The task refuses
    these.
  - On the controller the task runs inside Ansible's own process. On another host, or with C(become) or C(async), it runs
    as an ordinary module. The result is the same.
"""
