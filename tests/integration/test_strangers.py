# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory with a host that is no box: it listens, and gets nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import test_tls
from .playbooks import run_on_hosts
from .test_tls import identity, impostor

SECRET = "environment-password"
# A fixture is found by its name in the file.
authority = test_tls.authority


NOT_MEANT = "the environment has MIAB_PASSWORD, which may be for another host"


@pytest.mark.parametrize(
    ("name", "words"),
    # The role behind health never takes a host for a box by its name.
    [("apply", NOT_MEANT), ("plan", NOT_MEANT), ("export", NOT_MEANT), ("health", "missing required arguments: host")],
)
def test_a_host_without_miab_host_gets_no_secret_of_the_environment(
    name: str,
    words: str,
    authority: str,
    tmp_path: Path,
) -> None:
    environment = {"MIAB_USERNAME": "me@box.example.com", "MIAB_PASSWORD": SECRET, "MIAB_CA_PATH": authority}
    with impostor(tmp_path, identity("localhost")) as stranger:
        hosts = {f"https://localhost:{stranger.port}": {"miab_privacy": False}}
        # An export stops at a host whose name can't be that of a file, before it asks for the address.
        named = ("-e", "miab_export_name=stranger")
        run = run_on_hosts(hosts, Path("mailinabox.admin." + name), tmp_path, named, environment)
        assert stranger.received == []
    assert run.status == 2
    assert words in run.output
    assert SECRET not in run.output
