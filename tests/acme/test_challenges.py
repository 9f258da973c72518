# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the guide to certificates for other machines unchanged, with a real ACME server and a real client."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.rrset
import pytest
import yaml
from cryptography import x509

from tests.box import Box, Totp, zones
from tests.box.prepare import prepare
from tests.dns.name_server import NameServer
from tests.integration.playbooks import ROOT
from tests.integration.test_guides import yaml_of
from tests.tasks import connection

from .pebble import PROGRAM, pebble

TOTP_SECRET = "JBSWY3DPEHPK3PXP" * 2
NAMES = ("internal.example.org", "*.internal.example.org")


class BoxNameServer(NameServer):
    """The name server of a simulated box. It serves what the box has published."""

    def __init__(self, box: Box) -> None:
        super().__init__("")
        self._box = box
        self.served: list[str] = []

    def _fill(self, response: Any, question: Any) -> None:
        self._sets.clear()
        for zone in self._box.state.zone_names:
            lines = [("", "SOA", f"ns1.{zone}. root.{zone}. 1 60 60 60 60")]
            lines += [
                (row.name, row.rtype, row.value) for row in zones.records(self._box.state.zone_files[zone].inputs)
            ]
            for name, rtype, value in lines:
                if rtype == "TXT":
                    value = f'"{value[:255]}"'
                rrset = dns.rrset.from_text(f"{name}.{zone}.".lstrip("."), 60, "IN", rtype, value)
                self._sets.setdefault((rrset.name, rrset.rdtype), rrset).update(rrset)
        if str(question.name).startswith("_acme-challenge"):
            self.served += [str(rrset) for key, rrset in self._sets.items() if key[0] == question.name]
        super()._fill(response, question)


@pytest.fixture
def box() -> Iterator[Box]:
    with Box("v75") as started:
        prepare(started.state, {"users": [{"email": "ann@example.org", "password": "ann-password-1"}]})
        yield started


def certbot(
    box: Box, server: NameServer, folder: Path, directory: str, *, mfa: bool
) -> subprocess.CompletedProcess[str]:
    """Run the command of the guide."""
    (playbook,) = [block for block in yaml_of("dns-challenges.md") if isinstance(block, list)]
    # The only change to the command is the address of the box's name server.
    play = yaml.safe_dump(playbook).replace("192.0.2.10", server.address)
    (folder / "challenge.yml").write_text(play, encoding="utf-8")
    ansible = Path(sys.executable).with_name("ansible-playbook")
    hook = f"{ansible} {folder / 'challenge.yml'}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MIAB_"))}
    environment = {
        **kept,
        **{"MIAB_" + option.upper(): value for option, value in connection(box).items()},
        **({"MIAB_TOTP_SECRET": TOTP_SECRET} if mfa else {}),
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv/collections")),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "REQUESTS_CA_BUNDLE": box.cacert,
    }
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("certbot")),
            *("certonly", "--non-interactive", "--agree-tos", "--email", "me@example.org"),
            *("--manual", "--preferred-challenges", "dns"),
            *("--manual-auth-hook", hook),
            *("--manual-cleanup-hook", f"{hook} -e challenge_is_over=true"),
            *("--server", directory),
            *(part for name in NAMES for part in ("-d", name)),
            *("--config-dir", str(folder / "certbot")),
            *("--work-dir", str(folder / "work")),
            *("--logs-dir", str(folder / "logs")),
        ],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize(("works", "mfa"), [(True, True), (False, False)])
def test_a_certificate_for_another_machine(works: bool, mfa: bool, box: Box, tmp_path: Path) -> None:
    """The challenges are removed, even if the ACME server rejects them."""
    if shutil.which(PROGRAM) is None:
        pytest.skip("there is no Pebble: nobody has asked for a certificate")
    if mfa:
        box.state.users[box.username].totp.append(Totp(1, TOTP_SECRET, "phone"))
    before = list(box.state.dns_records)
    with BoxNameServer(box) as server, NameServer("example.test. 60 IN A 192.0.2.1") as other:
        asked = f"127.0.0.1:{(server if works else other).port}"
        with pebble(tmp_path, asked, box.cacert) as directory:
            done = certbot(box, server, tmp_path, directory, mfa=mfa)
    said = done.stdout + done.stderr + (tmp_path / "logs" / "letsencrypt.log").read_text(encoding="utf-8")[-6000:]
    # The challenges of both names are at the same record name, so there are two values.
    assert max(len(text.splitlines()) for text in server.served) == 2, said
    assert box.state.dns_records == before, said
    assert (done.returncode == 0) == works, said
    if works:
        chain = (tmp_path / "certbot" / "live" / NAMES[0] / "cert.pem").read_bytes()
        names = x509.load_pem_x509_certificate(chain).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert set(names.value.get_values_for_type(x509.DNSName)) == set(NAMES)
