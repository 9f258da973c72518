# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CI workflows are valid, and match the Makefile and the promises of the collection."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomllib
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# Which Pythons each ansible-core supports as a controller, from upstream's support matrix.
UPSTREAM = {
    "2.18": ["3.11", "3.12", "3.13"],
    "2.19": ["3.11", "3.12", "3.13"],
    "2.20": ["3.12", "3.13", "3.14"],
    "2.21": ["3.12", "3.13", "3.14"],
    "2.22": ["3.13", "3.14", "3.15"],
    "devel": ["3.13", "3.14", "3.15"],
}
# The versions that upstream supports when this version of the collection is released.
SUPPORTED = ("2.20", "2.21", "2.22")
# Tested only with the development version, because some tools have no release for them.
TOO_NEW = {"3.15"}


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def matrix() -> list[tuple[str, str]]:
    included = read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["include"]
    return [(entry["core"], entry["python"]) for entry in included]


def validate(schema: str, files: list[Path]) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [str(program), "--builtin-schema", schema, *map(str, files)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_are_valid() -> None:
    assert WORKFLOWS
    validate("vendor.github-workflows", [*WORKFLOWS, *(ROOT / "examples/.github/workflows").glob("*.yml")])


def test_workflows_are_safe() -> None:
    program = Path(sys.executable).with_name("zizmor")
    folders = [str(ROOT / ".github"), str(ROOT / "examples/.github")]
    done = subprocess.run([str(program), "--offline", "--quiet", *folders], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_pinned_by_commit() -> None:
    """The version is in a comment, which Dependabot updates."""
    files = [*WORKFLOWS, *(ROOT / "examples/.github/workflows").glob("*.yml")]
    used = [line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    pinned = re.compile(r"(?:- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert used
    assert [line for line in used if not pinned.fullmatch(line)] == []


def test_issue_forms_are_valid() -> None:
    forms = ROOT / ".github" / "ISSUE_TEMPLATE"
    validate("vendor.github-issue-forms", [forms / "bug.yml", forms / "feature.yml"])
    validate("vendor.github-issue-config", [forms / "config.yml"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.name))
def test_every_target_that_is_made_exists(path: Path) -> None:
    steps = [step for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values() for step in job["steps"]]
    runs = [line.split() for step in steps for line in step.get("run", "").splitlines()]
    made = {word for words in runs if words[:1] == ["make"] for word in words[1:] if "=" not in word}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert made
    assert made <= set(targets)


def test_the_matrix_holds_every_supported_ansible_core_with_each_of_its_pythons() -> None:
    assert len(set(matrix())) == len(matrix())
    assert [(core, python) for core, python in matrix() if python not in UPSTREAM[core]] == []
    assert {(core, python) for core in SUPPORTED for python in UPSTREAM[core] if python not in TOO_NEW} <= set(matrix())


def test_the_development_version_is_tested_without_blocking_merges() -> None:
    job = read(".github/workflows/ci.yml")["jobs"]["test"]
    assert job["continue-on-error"] == "${{ matrix.core == 'devel' }}"
    assert "devel" in dict(matrix())


def test_the_matrix_covers_the_promised_versions() -> None:
    cores = sorted({core for core, python in matrix()} - {"devel"}, key=lambda core: int(core.split(".")[1]))
    assert read("meta/runtime.yml")["requires_ansible"] == f">={cores[0]}.0"
    assert f"ansible-core {cores[0]} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
    after = "2.%d" % (int(cores[-1].split(".")[1]) + 1)
    required = (ROOT / "requirements-demo.txt").read_text(encoding="utf-8")
    assert f"\nansible-core>={cores[0]},<{after}\n" in required


def test_coverage_is_sent_by_one_job_and_never_fails_it() -> None:
    (step,) = [step for step in read(".github/workflows/ci.yml")["jobs"]["test"]["steps"] if "codecov" in str(step)]
    assert step["continue-on-error"] is True
    assert step["with"]["fail_ci_if_error"] is False
    core, python = re.findall(r"'([\d.]+)'", step["if"])
    assert (core, python) in matrix()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]
    assert step["with"]["files"] == settings["xml"]["output"]
    assert settings["report"]["fail_under"] >= 96
    validate("vendor.codecov", [ROOT / ".github" / "codecov.yml"])
    informational = {"default": {"informational": True}}
    assert read(".github/codecov.yml")["coverage"]["status"] == {"patch": informational, "project": informational}


def test_a_cancelled_run_starts_no_more_jobs() -> None:
    text = (ROOT / "examples/.github/workflows/mail.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert "always()" not in text
    # A step without a condition runs only if all before it succeeded.
    assert "cancelled" not in str([step.get("if") for step in jobs["apply"]["steps"]])


def test_each_job_has_only_the_permissions_that_it_needs() -> None:
    workflow = read("examples/.github/workflows/mail.yml")
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    writing = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert writing == {"comment"}
    assert {name for name, job in jobs.items() if "secrets." in str(job)} == {"plan", "apply", "nightly"}
    checkouts = [step for job in jobs.values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(jobs)


def test_no_value_of_an_event_is_in_a_script() -> None:
    jobs = read("examples/.github/workflows/mail.yml")["jobs"]
    scripts = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_the_pipeline_for_gitlab_is_valid() -> None:
    validate("vendor.gitlab-ci", [ROOT / "examples" / ".gitlab-ci.yml"])


def test_jobs_that_test_a_release_have_no_write_permission() -> None:
    workflow = read(".github/workflows/release.yml")
    assert workflow["permissions"] == {}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert "environment" not in build
    assert "secrets." not in str(build)
    assert [step["with"]["persist-credentials"] for step in build["steps"] if "checkout" in step.get("uses", "")] == [
        False
    ]
    attest = workflow["jobs"]["attest"]
    assert attest["needs"] == "build"
    assert attest["permissions"] == {"attestations": "write", "id-token": "write"}
    assert not [step for step in attest["steps"] if "run" in step]
    assert publish["needs"] == "attest"
    assert publish["environment"] == "galaxy"
    # The tested artifact is published, and no code of the checkout runs in the job with the token.
    assert not [
        step for step in publish["steps"] if "checkout" in step.get("uses", "") or "make " in step.get("run", "")
    ]
