# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Use the collection as AWX, Automation Controller and ansible-navigator do: build images, run jobs, read events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.box import Box
from tests.box.prepare import prepare

from .playbooks import ROOT
from .test_config import DECLARATION, STATE

PROGRAMS = Path(sys.executable).parent
PASSWORDS = {
    "ann_password": "secret-of-ann",
    "bob_password": "secret-of-bob",
    "eve_password": "secret-of-eve",
}


def call(*command: str, **environment: str) -> str:
    """Run a program of the virtual environment, check that it succeeds, and return its output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MIAB_"))}
    done = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=100,
        env={
            **kept,
            "PATH": f"{PROGRAMS}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"),
            **environment,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_image_gets_what_the_modules_import() -> None:
    found = yaml.safe_load(call("ansible-builder", "introspect", "--sanitize", str(ROOT / ".venv/collections")))
    assert not found["system"]
    reported = {line.split(">=")[0] for line in found["python"]}
    assert reported == {"cryptography", "dnspython", "idna", "prometheus-client", "pyotp", "requests"}


def test_the_image_of_the_examples_can_be_built(tmp_path: Path) -> None:
    """Create the build context. Building the image itself would download other images."""
    definition = ROOT / "examples" / "execution-environment.yml"
    call(
        *("ansible-builder", "create", "--file", str(definition), "--context", str(tmp_path)),
        *("--output-filename", "Containerfile"),
    )
    steps = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    assert "git-core" in steps[: steps.index("collection install")]
    collections = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert [collection["name"].rsplit("/")[-1] for collection in collections["collections"]] == ["mailinabox.admin"]


def prepare_run(folder: Path, box: Box) -> None:
    """Create a folder as AWX does, with an inventory, a declaration, and secrets in the environment and in extra variables."""
    users = [
        {**user, "user_password": "{{ %s_password }}" % user["email"].partition("@")[0]}
        for user in DECLARATION["users"]
    ]
    declared = {"miab_" + key: value for key, value in {**DECLARATION, "users": users}.items()}
    login = {
        "MIAB_HOST": box.url,
        "MIAB_USERNAME": box.username,
        "MIAB_PASSWORD": box.password,
        "MIAB_CA_PATH": box.cacert,
    }
    contents: dict[str, Any] = {
        "env/envvars": login,
        "env/extravars": PASSWORDS,
        "inventory/hosts.json": {"all": {"hosts": {"localhost": declared}}},
        "project/ansible.cfg": None,
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content) if content else "", encoding="utf-8")


def test_runs_and_their_records_contain_no_secrets(tmp_path: Path) -> None:
    with Box() as box:
        prepare(box.state, STATE)
        prepare_run(tmp_path, box)
        printed = ""
        for ident, playbook, arguments in (
            ("plan", "plan", f"-e miab_plan_folder={tmp_path}/plan"),
            ("apply", "apply", "--diff -vv"),
            ("again", "apply", "--diff"),
        ):
            printed += call(
                *(
                    "ansible-runner",
                    "run",
                    str(tmp_path),
                    "--ident",
                    ident,
                    "--playbook",
                    "mailinabox.admin." + playbook,
                ),
                f"--cmdline={arguments}",
            )
        assert box.violations == []
        assert "eve@new.example" in box.state.users

    changed = {
        ident: [
            event["event_data"]["task"]
            for event in map(read_json, sorted((tmp_path / "artifacts" / ident / "job_events").glob("*.json")))
            if event["event"] == "runner_on_ok" and event["event_data"]["res"].get("changed")
        ]
        for ident in ("plan", "apply", "again")
    }
    assert changed == {
        "plan": ["Compare the box with its declaration"],
        "apply": ["Change the box to match its declaration"],
        "again": [],
    }
    # Ansible Runner itself stores the environment of the run in `command`, which only its user can read.
    records = [
        path
        for part in ("artifacts", "plan")
        for path in (tmp_path / part).rglob("*")
        if path.is_file() and path.name != "command"
    ]
    assert len(records) > 20
    assert box.password in (tmp_path / "artifacts/apply/command").read_text(encoding="utf-8")
    texts = {"what was printed": printed, **{str(path): path.read_text(encoding="utf-8") for path in records}}
    secrets = (box.password, *PASSWORDS.values())
    assert [(where, secret) for where, text in texts.items() for secret in secrets if secret in text] == []


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
