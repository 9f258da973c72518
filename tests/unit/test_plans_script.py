# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the example pipelines: the comment that it edits, and the plan that it finds for a merge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.forge import FORK, OWN, TOKEN, Artifact, Forge, running

SCRIPT = Path(__file__).parents[2] / "examples" / "ci" / "plans.py"
MARK = "<!-- mailinabox.admin: plan -->"
HEAD, MERGE = "a" * 40, "b" * 40


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running() as found:
        found.merges[MERGE] = (HEAD, 5)
        yield found


def variables(forge: Forge, system: str, folder: Path) -> dict[str, str]:
    if system == "github":
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": forge.url,
            "GITHUB_REPOSITORY": "company/mail",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_SHA": MERGE,
            "GITHUB_OUTPUT": str(folder / "output"),
            "NUMBER": "5",
        }
    return {
        "CI_API_V4_URL": forge.url,
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "5",
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_SHA": MERGE,
        "GITLAB_TOKEN": TOKEN,
    }


def run(
    forge: Forge, system: str, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The exit status and the output of the script."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    surroundings = {**kept, **variables(forge, system, folder), **(environment or {})}
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_later_plans_update_the_one_comment(system: str, forge: Forge, tmp_path: Path) -> None:
    strangers = [{"id": n, "user": {"type": "User"}, "author": {"id": 8}, "body": MARK} for n in range(100)]
    forge.comments[5] = list(strangers)
    for text in ("first", "second", "x" * 100_000):
        (tmp_path / "plan.md").write_text(text, encoding="utf-8")
        assert run(forge, system, tmp_path, "comment", "plan.md") == (0, "")
        assert len(forge.comments[5]) == 101
        body = forge.comments[5][100]["body"]
        assert body.startswith(f"{MARK}\n{text[:20]}")
        assert len(body) < 65536
    assert forge.comments[5][:100] == strangers
    assert not forge.refused


def test_on_github_the_plan_of_the_merged_head_is_found(forge: Forge, tmp_path: Path) -> None:
    name = f"plan-{HEAD}"
    forge.artifacts = [
        Artifact(name, HEAD, 1, {}, repository=FORK),
        Artifact(name, HEAD, 2, {}, expired=True),
        Artifact(name, "c" * 40, 3, {}),
        Artifact(name, HEAD, 4, {}),
        Artifact(name, HEAD, 5, {}),
    ]
    assert run(forge, "github", tmp_path, "find") == (0, "")
    assert (tmp_path / "output").read_text(encoding="utf-8") == f"name={name}\nrun=4\n"
    forge.artifacts = forge.artifacts[:3]
    status, printed = run(forge, "github", tmp_path, "find")
    assert status == 1
    assert f"There is no plan for the commit {HEAD}, so nothing is applied." in printed
    forge.merges.clear()
    assert "was not merged from a pull request" in run(forge, "github", tmp_path, "find")[1]


def test_on_gitlab_the_plan_of_the_merged_head_is_fetched(forge: Forge, tmp_path: Path) -> None:
    files = {"plan/plan.json": b"{}", "plan/deep/../../plan.md": b"text", "other/x": b"no"}
    fork = Artifact("", HEAD, 1, {"plan/plan.json": b"of a fork"}, "plan", repository=FORK)
    other = Artifact("", HEAD, 2, {"plan/plan.json": b"of another job"}, "validate")
    forge.artifacts = [fork, other, Artifact("", HEAD, 3, files, "plan", repository=OWN)]
    assert run(forge, "gitlab", tmp_path, "fetch", "plan") == (0, "")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["plan.json", "plan.md"]
    assert (tmp_path / "plan" / "plan.json").read_text(encoding="utf-8") == "{}"
    forge.artifacts = [fork, other]
    status, printed = run(forge, "gitlab", tmp_path, "fetch", "plan")
    assert status == 1
    assert "There is no plan" in printed
    forge.merges.clear()
    assert "was not merged from a merge request" in run(forge, "gitlab", tmp_path, "fetch", "plan")[1]


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_snapshots(system: str, forge: Forge, tmp_path: Path) -> None:
    assert run(forge, system, tmp_path, "snapshots", "snapshots")[0] == 1
    forge.artifacts = [Artifact("snapshots", MERGE, 9, {"snapshots/box.example.com.json": b"{}"}, "nightly")]
    # On GitLab, the pipeline of a fork has no token.
    token = {"GITLAB_TOKEN": "", "CI_JOB_TOKEN": TOKEN}
    assert run(forge, system, tmp_path, "snapshots", "snapshots", environment=token) == (0, "")
    if system == "github":
        assert (tmp_path / "output").read_text(encoding="utf-8") == "name=snapshots\nrun=9\n"
    else:
        assert (tmp_path / "snapshots" / "box.example.com.json").exists()


def test_without_the_vault_only_encrypted_files_go(forge: Forge, tmp_path: Path) -> None:
    for name, text in (("group_vars/all/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n"), ("host_vars/x.yml", "---\n")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run(forge, "github", tmp_path, "without-vault") == (0, "")
    assert [path.name for path in tmp_path.rglob("*.yml")] == ["x.yml"]


def test_an_error_of_the_forge_and_a_wrong_command(forge: Forge, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("plan", encoding="utf-8")
    status, printed = run(forge, "github", tmp_path, "comment", "plan.md", environment={"GITHUB_TOKEN": "wrong"})
    assert status == 1
    assert printed.startswith("GET http://127.0.0.1")
    assert printed.endswith(": HTTP 404\n")
    assert "wrong" not in printed
    assert run(forge, "github", tmp_path)[0] == 1
