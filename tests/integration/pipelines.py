# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the pipelines in examples/ as GitHub and GitLab do: their shell scripts, and the effects of GitHub's actions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.forge import TOKEN, Forge

from .playbooks import ROOT

EXAMPLES = ROOT / "examples"
VAULT_PASSWORD = "vault-password-of-the-test"
_STATUS = re.compile(r"\b(cancelled|failure|always|success)\(\)")
_NAME = re.compile(r"\b[a-z_]+(?:\.[a-zA-Z_-]+)+")


@dataclass
class Site:
    """The environment of the jobs: a checkout of a repository, a simulated forge, and programs on PATH.

    :ivar overlay: the folder of examples/ whose files replace the others; empty for none.
    :ivar edits: the files in which the commit differs from the examples, by path.
    """

    folder: Path
    forge: Forge
    inventory: str
    overlay: str = ""
    edits: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._programs = self.folder / "programs"
        self._programs.mkdir()
        # Everything is installed already, so these programs do nothing.
        for name in ("pip", "ansible-galaxy"):
            (self._programs / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (self._programs / name).chmod(0o755)
        self._vault = self._encrypted()

    def _encrypted(self) -> bytes:
        password = self.folder / "password"
        password.write_text(VAULT_PASSWORD, encoding="utf-8")
        copy = self.folder / "vault.yml"
        shutil.copy(EXAMPLES / self.overlay / "group_vars/all/vault.yml", copy)
        program = Path(sys.executable).with_name("ansible-vault")
        command = [str(program), "encrypt", "--vault-password-file", str(password), str(copy)]
        subprocess.run(command, check=True, capture_output=True)
        return copy.read_bytes()

    def checkout(self) -> Path:
        """The files of the commit, in an empty folder."""
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(EXAMPLES, work)
        if self.overlay:
            shutil.rmtree(work / "host_vars")
            shutil.copytree(EXAMPLES / self.overlay, work, dirs_exist_ok=True)
        (work / "group_vars/all/vault.yml").write_bytes(self._vault)
        (work / "simulated.json").write_text(self.inventory, encoding="utf-8")
        for name, text in self.edits.items():
            (work / name).write_text(text, encoding="utf-8")
        return work

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join((str(self._programs), str(Path(sys.executable).parent), os.environ["PATH"])),
            "HOME": os.environ["HOME"],
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_INVENTORY": "inventory.yml,simulated.json",
        }

    def shell(self, script: str, work: Path, environment: Mapping[str, str]) -> tuple[int, str]:
        """Run a script as both systems do: it stops at the first command that fails."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=work,
            env={**self.environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


@dataclass
class Ended:
    """The result of a job."""

    failed: bool
    log: str
    summary: str = ""


class GitHub:
    """Runs the jobs of the GitHub workflow."""

    def __init__(self, site: Site) -> None:
        self._site = site
        text = (EXAMPLES / ".github/workflows/mail.yml").read_text(encoding="utf-8")
        self._jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]

    def run(self, event: str, **values: str) -> dict[str, Ended]:
        """The jobs that an event starts, by name.

        :param values: properties of the event: ``head``, ``sha``, ``number``, ``digest``, and ``repository`` for a fork.
        """
        known = {
            "github.event_name": event,
            "github.repository": "company/mail",
            "github.token": TOKEN,
            "github.sha": values.get("sha", ""),
            "github.event.pull_request.head.sha": values.get("head", ""),
            "github.event.pull_request.head.repo.full_name": values.get("repository", "company/mail"),
            "github.event.pull_request.number": values.get("number", ""),
            "inputs.digest": values.get("digest", ""),
            # A fork gets no secrets.
            "secrets.VAULT_PASSWORD": VAULT_PASSWORD if "repository" not in values else "",
        }
        ended: dict[str, Ended] = {}
        for name, job in self._jobs.items():
            needed = job.get("needs")
            result = "skipped" if needed and needed not in ended else "done"
            if self._holds(job.get("if", "true"), {**known, f"needs.{needed}.result": result}, False):
                ended[name] = self._run_job(job, known)
        return ended

    def _run_job(self, job: Mapping[str, Any], known: dict[str, str]) -> Ended:
        site, ended = self._site, Ended(False, "")
        work = site.checkout()
        temporary = site.folder / "runner"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        files = {name: temporary / name.lower() for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        surroundings = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": site.forge.url,
            "GITHUB_REPOSITORY": known["github.repository"],
            "GITHUB_SHA": known["github.sha"],
            "GITHUB_WORKSPACE": str(work),
            "RUNNER_TEMP": str(temporary),
            **{name: str(file) for name, file in files.items()},
        }
        known = dict(known)
        for step in job["steps"]:
            if not self._holds(step.get("if", "true"), known, ended.failed):
                continue
            files["GITHUB_OUTPUT"].write_text("", encoding="utf-8")
            given = {name: self._filled(value, known) for name, value in step.get("with", {}).items()}
            if "run" in step:
                kept = _pairs(files["GITHUB_ENV"])
                own = {name: self._filled(value, known) for name, value in step.get("env", {}).items()}
                status, log = site.shell(step["run"], work, {**surroundings, **kept, **own})
            else:
                status, log = self._act(step["uses"].partition("@")[0], given, work, known)
            ended.failed = ended.failed or bool(status)
            ended.log += f"--- {step.get('name', step.get('uses'))}\n{log}"
            if "id" in step:
                known[f"steps.{step['id']}.outcome"] = "failure" if status else "success"
                for name, value in _pairs(files["GITHUB_OUTPUT"]).items():
                    known[f"steps.{step['id']}.outputs.{name}"] = value
        ended.summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        return ended

    def _act(self, action: str, given: Mapping[str, str], work: Path, known: Mapping[str, str]) -> tuple[int, str]:
        """Simulate an action. Return its exit status and its log."""
        forge, head = self._site.forge, known["github.event.pull_request.head.sha"] or known["github.sha"]
        if action in ("actions/checkout", "actions/setup-python"):
            return 0, ""
        if action == "actions/upload-artifact":
            forge.upload(given["name"], head, work / given["path"])
            return 0, ""
        assert action == "actions/download-artifact"
        found = [one for one in forge.artifacts if one.name == given["name"]]
        if "run-id" in given:
            assert given["github-token"] == TOKEN
            found = [one for one in found if str(one.run) == given["run-id"]]
        if not found:
            return 1, "no such artifact\n"
        found[0].extract(work / given["path"])
        return 0, ""

    @staticmethod
    def _filled(value: Any, known: Mapping[str, str]) -> str:
        return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda name: known[name[1]], str(value))

    @staticmethod
    def _holds(condition: Any, known: Mapping[str, str], failed: bool) -> bool:
        """Evaluate the condition of a step or job."""
        text = str(condition).lower() if isinstance(condition, bool) else str(condition)
        text = re.sub(r"\$\{\{(.*)\}\}", r"\1", text).strip()
        functions = {"cancelled": False, "failure": failed, "always": True, "success": not failed}
        python = _STATUS.sub(lambda name: str(functions[name[1]]), text)
        python = _NAME.sub(lambda name: repr(known.get(name[0], "")), python)
        python = python.replace("&&", " and ").replace("||", " or ")
        python = re.sub(r"!(?!=)", " not ", python).replace("true", "True")
        holds = bool(eval(python.strip()))  # noqa: S307 - the conditions are this project's own
        return holds and (not failed or bool(_STATUS.search(text)))


def _pairs(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines())


class GitLab:
    """Runs the jobs of the GitLab pipeline."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._file: dict[str, Any] = yaml.safe_load((EXAMPLES / ".gitlab-ci.yml").read_text(encoding="utf-8"))

    def run(self, source: str, head: str, **values: str) -> dict[str, Ended]:
        """The jobs that an event starts, by name, in the order of their stages.

        :param values: additional CI variables.
        """
        is_request = source == "merge_request_event"
        forked = values.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1") != "1"
        known = {
            "CI_PIPELINE_SOURCE": source,
            "CI_COMMIT_SHA": head,
            "CI_PROJECT_ID": "1",
            "CI_API_V4_URL": self._site.forge.url,
            "CI_JOB_TOKEN": TOKEN,
            "CI_DEFAULT_BRANCH": "main",
            "CI_BUILDS_DIR": str(self._site.folder),
            **({"CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1"} if is_request else {}),
            **({} if is_request else {"CI_COMMIT_BRANCH": "main"}),
            **({} if forked else {"VAULT_PASSWORD": VAULT_PASSWORD, "GITLAB_TOKEN": TOKEN}),
            **values,
        }
        jobs = [(name, job) for name, job in self._file.items() if isinstance(job, dict) and "stage" in job]
        jobs.sort(key=lambda item: self._file["stages"].index(item[1]["stage"]))
        ended: dict[str, Ended] = {}
        for name, job in jobs:
            if any(self._holds(rule["if"], known) for rule in job["rules"]):
                ended[name] = self._run_job(name, job, head, known)
        return ended

    def _run_job(self, name: str, job: Mapping[str, Any], head: str, known: Mapping[str, str]) -> Ended:
        job = {**self._file["default"], **self._file.get(job.get("extends", ""), {}), **job}
        work = self._site.checkout()
        status, log = self._site.shell("\n".join([*job["before_script"], *job["script"]]), work, known)
        for line in job.get("after_script", ()):
            self._site.shell(line, work, known)
        if "artifacts" in job:
            for path in job["artifacts"]["paths"]:
                # A GitLab job has one artifact with all its paths.
                if (work / path).exists():
                    self._site.forge.upload("", head, work / path, name, path)
        return Ended(bool(status), log)

    @staticmethod
    def _holds(condition: str, known: Mapping[str, str]) -> bool:
        python = re.sub(r"\$(\w+)", lambda name: repr(known.get(name[1])), condition)
        python = python.replace("&&", " and ").replace("||", " or ").replace("null", "None")
        return bool(eval(python))  # noqa: S307 - the conditions are this project's own
