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
      - The box - a host name, a host name and port, or a URL. Its admin API is expected at C(/admin).
      - Plain C(http) is only taken for a loopback address.
      - Falls back on the environment variable E(MIAB_HOST).
    type: str
    required: true
  username:
    description:
      - The mail address of an administrator of the box.
      - Falls back on the environment variable E(MIAB_USERNAME).
    type: str
    required: true
  password:
    description:
      - The administrator's password. One of O(password) and O(api_key) is needed.
      - Falls back on the environment variable E(MIAB_PASSWORD).
    type: str
  api_key:
    description:
      - A key that the box gave in exchange for a password, used in its place. It ends when the box restarts.
      - Falls back on the environment variable E(MIAB_API_KEY).
    type: str
  totp_secret:
    description:
      - The secret (base32) of the administrator's one-time codes, if the account has MFA.
      - The task signs in once, and signs out at its end. A code works once, so tasks that
        follow each other at once take turns with the codes before and after it, which boxes take, too. Each code that was
        used already counts as a failed login at the box; M(mailinabox.admin.miab_session) signs in once for many tasks.
      - Not needed along with O(api_key).
      - Needs the Python library C(pyotp).
      - Falls back on the environment variable E(MIAB_TOTP_SECRET).
    type: str
  ca_path:
    description:
      - A file or folder with the certificates of the CAs that vouch for the box, on the machine that runs the task.
        Left out, the CAs count that the machine trusts.
      - Falls back on the environment variable E(MIAB_CA_PATH).
    type: path
  validate_certs:
    description:
      - Whether the box has to prove who it is. Without it, anybody on the way can read the password.
      - Falls back on the environment variable E(MIAB_VALIDATE_CERTS).
    type: bool
    default: true
  timeout:
    description:
      - How many seconds one request may take, from its start to the end of the answer. A box with many domains takes its
        time for each change.
      - Falls back on the environment variable E(MIAB_TIMEOUT).
    type: int
    default: 120
  unknown_box:
    description:
      - What to do before the first write to a box that is neither upstream nor a known fork - one that has fields in its
        answers, or a form of version, that none of these has.
      - With V(stop) the task fails, and names what is unknown. With V(write) it writes all the same.
      - Reading always works.
      - Falls back on the environment variable E(MIAB_UNKNOWN_BOX).
    type: str
    choices: [stop, write]
    default: stop
    version_added: 1.1.0
requirements:
  - requests
notes:
  - Works with Mail-in-a-Box from v0.51 on; tested against the answers of v0.51, v55, v60, v75 and v76, and of the forks
    kiekerjan, Geseidl, power-mailinabox and mailinabox-ldap. Of the last two, some writes are refused because they would
    lose data there.
  - On the controller the task runs inside Ansible's own process; on another host, or with C(become) or C(async),
    as a module. The result is the same.
"""
