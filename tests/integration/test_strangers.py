# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory with a host that isn't a box: it listens, but receives nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.box import Box
from tests.tasks import connection

from . import test_tls
from .playbooks import run_on_hosts
from .test_tls import identity, impostor

SECRET = "environment-password"
# A fixture is found by its name in the file.
authority = test_tls.authority


PLAYBOOKS = ("apply", "plan", "export", "health")


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_nothing_is_sent_to_a_host_that_is_not_a_box(
    name: str, authority: str, newest_box: Box, tmp_path: Path
) -> None:
    """The inventory has only a host that is not a box. It listens, and the administrator's password is in the environment."""
    folders = [f"miab_{part}_folder={tmp_path}" for part in ("export", "plan", "health")]
    arguments = [word for folder in [*folders, '{"miab_privacy": false}'] for word in ("-e", folder)]
    with impostor(tmp_path, identity("localhost")) as stranger:
        hosts: dict[str, dict[str, str]] = {f"https://localhost:{stranger.port}": {}}
        environment = {"MIAB_USERNAME": "me@box.example.com", "MIAB_PASSWORD": SECRET, "MIAB_CA_PATH": authority}
        nobody = run_on_hosts(hosts, Path("mailinabox.admin." + name), tmp_path, arguments, environment)
        box = {"MIAB_" + option.upper(): value for option, value in connection(newest_box).items()}
        alone = run_on_hosts(hosts, Path("mailinabox.admin." + name), tmp_path, arguments, box)
        assert stranger.received == []
    assert nobody.status == 2
    assert "No host of this run is known to be a box" in nobody.output
    assert "-e miab_hosts=all" in nobody.output
    assert SECRET not in nobody.output
    # The environment names one box, and that is the only one.
    assert alone.status == 0, alone.output
    assert "this run is for the box 127.0.0.1 alone" in alone.output
    assert newest_box.log


def test_a_box_that_miab_host_does_not_name_gets_no_secret_of_the_environment(authority: str, tmp_path: Path) -> None:
    environment = {"MIAB_USERNAME": "me@box.example.com", "MIAB_PASSWORD": SECRET, "MIAB_CA_PATH": authority}
    with impostor(tmp_path, identity("localhost")) as stranger:
        hosts = {f"https://localhost:{stranger.port}": {"miab_privacy": False}}
        for name in PLAYBOOKS:
            # Export rejects a host whose name is not a safe file name before it looks up the address.
            arguments = ("-e", "miab_hosts=all", "-e", "_miab_name=stranger")
            run = run_on_hosts(hosts, Path("mailinabox.admin." + name), tmp_path, arguments, environment)
            assert stranger.received == []
            assert run.status == 2
            assert "the environment has MIAB_PASSWORD, which may be for another host" in run.output
            assert SECRET not in run.output
