# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Pebble, the ACME test server of Let's Encrypt, on the loopback interface."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from cryptography.hazmat.primitives.asymmetric import ec

from tests.box import crypto
from tests.dns.powerdns import free_port, wait_until_ready

PROGRAM = "pebble"


@contextmanager
def pebble(folder: Path, dns: str, ca_path: str) -> Iterator[str]:
    """Start Pebble, and return the URL of its directory.

    :param dns: the name server that it queries for challenges.
    :param ca_path: the CA certificate that verifies Pebble's own certificate.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "cert.pem").write_text(crypto.sign(["127.0.0.1"], key.public_key(), now - day, now + day), "ascii")
    (folder / "key.pem").write_text(crypto.private_pem(key), "ascii")
    port = free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": "",
        "certificate": str(folder / "cert.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": 1,
        "tlsPort": 1,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}), encoding="utf-8")
    directory = f"https://127.0.0.1:{port}/dir"

    def ask() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.get(directory, verify=ca_path, timeout=5).raise_for_status()

    with open(folder / "pebble.log", "wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "-config", str(folder / "pebble.json"), "-dnsserver", dns, "-strict"],
            stdout=log,
            stderr=log,
            # Validate immediately, and don't reject nonces at random, so that the test is fast and repeatable.
            env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"},
        )
    try:
        wait_until_ready(process, ask, folder / "pebble.log")
        yield directory
    finally:
        process.terminate()
        process.wait(10)
