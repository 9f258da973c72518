# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module prints and logs if Ansible itself masks nothing, as from ansible-core 2.22 on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import PASS_VARS

from ansible_collections.mailinabox.admin.plugins.module_utils._engine import module
from tests.tasks import task

SECRET = "distinctive-secret \"'\\"
OPTIONS = {"host": "box.example.com", "username": "me@box.example.com", "password": SECRET}


@pytest.fixture(autouse=True)
def _careless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic, "remove_values", lambda value, _secrets: value)


def printed(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """The result of a module that sends no request."""
    # Releases before 2.21 show the options without being asked to, and don't know that they can be asked.
    asked = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}
    given = {**asked, **OPTIONS, **options}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    # Releases before 2.19 have none.
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        module.run_module(task(name))
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    # It is how 2.22 hands the secrets of the options to the controller, to mask them in what it shows.
    result.pop("_ansible_new_secrets", None)
    return result


def test_secrets_in_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    repeated = {"changed": False, "repeated": [SECRET, "misplaced-secret", "päss"]}
    monkeypatch.setattr(module, "perform", lambda *_arguments, **_more: repeated)
    misplaced = {"host": "https://me:misplaced-secret@127.0.0.1", "email": "ann@example.org", "user_password": "päss"}
    result = printed("miab_user", misplaced, monkeypatch, capsys)
    shown = json.dumps(result, ensure_ascii=False)
    assert result["repeated"] == ["********"] * 3
    assert result["invocation"]["module_args"]["password"] == "********"
    assert [word for word in ("distinctive", "misplaced-secret", "päss") if word in shown] == []


def test_secrets_in_a_message_of_ansible(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    result = printed("miab_user", {"email": "ann@example.org", "state": SECRET}, monkeypatch, capsys)
    assert "value of state must be one of: present, absent, got: ********" in result["msg"]
    assert "distinctive" not in str(result)


def test_a_secret_in_a_misspelt_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    result = printed("miab_user", {"email": "ann@example.org", "user_pasword": "misplaced-secret"}, monkeypatch, capsys)
    assert "user_pasword" in result["msg"]
    assert "misplaced-secret" not in str(result)


def test_secrets_in_the_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, text, log_args: logged.append(f"{text} {log_args}"))
    monkeypatch.setattr(module, "perform", lambda *_arguments, **_more: {"failed": True, "msg": "none"})
    backup = {"target": "b2://id:misplaced-secret@bucket"}
    users = [{"email": "ann@example.org", "user_password": SECRET}]
    printed("miab_config", {"backup": backup, "users": users}, monkeypatch, capsys)
    assert "Invoked with" in logged[0]
    assert "username=me@box.example.com" in logged[0]
    assert [word for word in ("distinctive", "misplaced-secret") if word in logged[0]] == []


def perform(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> dict[str, Any]:
    """The result of a task of miab_user whose run has this outcome."""

    def run(*_arguments: Any) -> dict[str, Any]:
        if isinstance(outcome, Exception):
            raise outcome
        return dict(outcome)

    monkeypatch.setattr(module, "run", run)
    options = {**OPTIONS, "user_password": None}
    return module.perform(task("miab_user"), options, False, [SECRET])


def test_an_unforeseen_exception_is_reported_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    result = perform(monkeypatch, KeyError(SECRET))
    assert result["failed"]
    assert result["msg"].startswith("This is a bug in mailinabox.admin. Please report it: KeyError: ")
    assert "KeyError" in result["exception"]
    assert "distinctive" not in str(result)


def failed(code: str, **details: Any) -> dict[str, Any]:
    return {"failed": True, "msg": "why", "failure": {"code": code, "message": "why", "details": details}}


def test_a_password_that_is_meant_for_the_declared_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIAB_PASSWORD", "the usual one")
    result = perform(monkeypatch, failed("authentication"))
    assert result["msg"] == result["failure"]["message"]
    assert result["msg"].endswith("To set the password of the declared user, use user_password.")


def test_a_missing_library_is_named_in_the_words_of_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    result = perform(monkeypatch, failed("missing_library", library="pyotp", reason="to make one-time codes"))
    assert "(pyotp)" in result["msg"]
    assert "to make one-time codes" in result["msg"]
    monkeypatch.setattr(module, "HAS_REQUESTS", False)
    assert "(requests)" in perform(monkeypatch, {})["msg"]
