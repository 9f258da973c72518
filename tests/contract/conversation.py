# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations with a box: replay them, record the answers, compare them with recorded ones.

    python -m tests.contract.conversation record  BASE_URL OUT.json [--scenario NAME] [--cacert FILE] [--sign CA.pem CA.key]
    python -m tests.contract.conversation compare BASE_URL OLD.json [--scenario NAME] [--cacert FILE] [--sign CA.pem CA.key]

data/scenario.yml contains the steps of one and describes the box to start from. data/recordings contains the answers
of real boxes of several versions and forks. data/edges.yml and data/edges are a second one, with error cases.
BASE_URL ends in /admin. It can be a real box that has just been set up. --sign names a CA that the
box trusts, with its key: some steps install certificates, which this CA must sign.
Exit status: 0 all alike, 1 differences.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import functools
import hmac
import json
import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DATA = pathlib.Path(__file__).resolve().parent / "data"
ADMIN = ("me@box.example.com", "adminpass123")

# Each scenario, and the folder of its recordings.
SCENARIOS = {"scenario": "recordings", "edges": "edges"}

# The sections of the scenarios, each with its first step.
_SECTIONS = {
    "auth-none": "authentication",
    "users-text": "users",
    "aliases-text": "aliases",
    "dns-zones": "DNS",
    "ssl-status": "TLS",
    "web-domains": "web",
    "backup-status": "backup",
    "version": "system",
    "mfa-status": "MFA",
    "user-remove-last-on-domain-1": "removing",
    "z-user": "vanishing zones",
    "c-user": "CNAMEs",
    "v-caa-upper": "values",
    "t-user-local": "reserved domains",
    "a-new-domain": "aliases",
    "p-511": "passwords and quotas",
}

# Values that differ between runs, and their placeholders.
_VOLATILE = [
    (re.compile(pattern, re.DOTALL), stand_in)
    for pattern, stand_in in (
        (r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", "<pem>"),
        (r"\b[0-9a-f]{64}\b", "<hex64>"),
        (r"iVBORw0[A-Za-z0-9+/=]{200,}", "<png>"),
        (r"(?<![A-Z2-7])[A-Z2-7]{32}(?![A-Z2-7])", "<base32>"),
        (r'p=MII[A-Za-z0-9+/=\\" ]+', "p=<key>"),
        (r"p=[A-Za-z0-9+/=]{200}[^;]*", "p=<key>"),
        (r"k=ed25519; p=[A-Za-z0-9+/=]+", "k=ed25519; p=<key>"),
        (r"totp:\d+", "totp:<n>"),
        (r"in \d+ days on \d{4}-\d\d-\d\d", "in <n> days on <date>"),
        (r"on \d{4}-\d\d-\d\d", "on <date>"),
        (r"id=\d+Z?", "id=<serial>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
        (r"-\d{8}-[0-9a-f]{8}\.pem", "-<date>-<hex8>.pem"),
        (r"/tmp/\S+", "<tmp>"),  # noqa: S108 - a pattern for what boxes answer
    )
]
_FREE_TEXT = ("log", "explanation")

Step = dict[str, Any]
RecordedAnswer = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A difference from the recording."""

    step: str
    what: str
    recorded: object
    answered: object

    def __str__(self) -> str:
        shown = [json.dumps(value, ensure_ascii=False)[:600] for value in (self.recorded, self.answered)]
        return f"{self.step}: {self.what}\n  recorded {shown[0]}\n  answered {shown[1]}"


@functools.cache
def scenario(name: str) -> list[Step]:
    """The steps, each with its section."""
    steps: list[Step] = yaml.safe_load((DATA / f"{name}.yml").read_text(encoding="utf-8"))
    section = ""
    for step in steps:
        section = _SECTIONS.get(step["id"], section)
        step["section"] = section
    return steps


@functools.cache
def recording(name: str, version: str) -> dict[str, RecordedAnswer]:
    """The recorded answers of a real box of this version."""
    recorded: dict[str, RecordedAnswer] = json.loads(
        (DATA / SCENARIOS[name] / f"{version}.json").read_text(encoding="utf-8")
    )
    return recorded


def versions(name: str) -> list[str]:
    return sorted(path.stem for path in (DATA / SCENARIOS[name]).glob("*.json"))


def totp_code(secret: str, moment: float) -> str:
    """The RFC 6238 code of a base32 secret."""
    digest = hmac.digest(base64.b32decode(secret), int(moment // 30).to_bytes(8, "big"), "sha1")
    start = digest[-1] % 16
    number = int.from_bytes(digest[start : start + 4], "big") % 2**31
    return f"{number % 10**6:06}"


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of a nested value with all texts changed, except keys."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return value


def _steady_text(text: str) -> str:
    for pattern, stand_in in _VOLATILE:
        text = pattern.sub(stand_in, text)
    return text


def _in_any_order(value: Any) -> Any:
    """A copy with lines and lists sorted, and without messages for people."""
    if isinstance(value, str):
        return "".join(sorted(value.splitlines(keepends=True)))
    if isinstance(value, dict):
        return {key: _in_any_order(item) for key, item in value.items() if key not in _FREE_TEXT}
    if isinstance(value, list):
        return sorted(map(_in_any_order, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _found(value: Any, path: str) -> Any:
    """The value at a dotted path, or None."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


@dataclass
class Conversation:
    """A conversation with the box at a URL, and the values that later steps need."""

    base: str
    verify: str | bool = True
    # Certificate and key of a CA that the box trusts, as files.
    signer: tuple[str, str] | None = None
    clock: Callable[[], float] = time.time
    _names: dict[str, str] = field(default_factory=dict)

    def replay(self, name: str) -> Iterator[tuple[Step, RecordedAnswer]]:
        """Run a scenario step by step. Values that differ between runs are replaced in the answers."""
        # One connection for all steps, because real boxes have a high latency.
        with requests.Session() as session:
            for step in scenario(name):
                yield step, self._ask(session, step)

    def _value(self, name: str) -> str | None:
        if name == "code":
            return totp_code(self._names["totp"], self.clock()) if "totp" in self._names else None
        if name not in self._names and name.startswith("signed") and self.signer:
            # The box makes a request for its key only for domains that it has by now.
            self._names.update(self._certificates())
        return self._names.get(name)

    def _filled(self, value: Any) -> Any:
        def replacement(match: re.Match[str]) -> str:
            found = self._value(match[1])
            return match[0] if found is None else found

        return _each_text(value, lambda text: re.sub(r"\{(\w+)\}", replacement, text))

    def _ask(self, session: requests.Session, step: Step) -> RecordedAnswer:
        if "{code}" in json.dumps(step) and "totp" not in self._names:
            return {"status": None, "type": None, "body": "not asked: no TOTP secret was learnt"}
        who = self._filled(step.get("as", ADMIN))
        headers = {"User-Agent": "conversation", "Accept": "*/*", **self._filled(step.get("headers", {}))}
        body: Any = self._filled(step.get("form"))
        if "body" in step:
            body = step["body"].encode()
            headers["Content-Type"] = "text/plain"
        response = session.request(
            step["method"],
            self.base + step["path"],
            data=body,
            headers=headers,
            auth=None if who == "none" else tuple(who),
            verify=self.verify,
            timeout=120,
            allow_redirects=False,
        )
        return self._answer(step, response)

    def _answer(self, step: Step, response: requests.Response) -> RecordedAnswer:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        body: Any = response.text
        if kind == "application/json":
            try:
                body = response.json()
            except ValueError:
                pass
            else:
                for name, path in step.get("keep", {}).items():
                    value = _found(body, path)
                    if value is not None:
                        self._names[name] = str(value)
        elif response.status_code >= 404 and kind == "text/html" and "<html" in response.text[:60].lower():
            body = "<error page>"
        body = _each_text(body, _steady_text)
        reply: RecordedAnswer = {"status": response.status_code, "type": kind}
        reply["body"] = _in_any_order(body) if step.get("unordered") else body
        if "X-Reason" in response.headers:
            reply["x_reason"] = _steady_text(response.headers["X-Reason"])
        return reply

    def _certificates(self) -> dict[str, str]:
        """Certificates for example.org: a valid one, one for another name, one for another key."""
        assert self.signer is not None
        answer = requests.post(
            self.base + "/ssl/csr/example.org",
            data={"countrycode": "GB"},
            auth=ADMIN,
            verify=self.verify,
            timeout=120,
        )
        own_key = x509.load_pem_x509_csr(answer.content).public_key()
        other_key = rsa.generate_private_key(65537, 2048).public_key()
        authority = x509.load_pem_x509_certificate(pathlib.Path(self.signer[0]).read_bytes())
        signer = serialization.load_pem_private_key(pathlib.Path(self.signer[1]).read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        now = datetime.datetime.fromtimestamp(self.clock(), datetime.timezone.utc)

        def signed(name: str, key: Any) -> str:
            builder = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                .issuer_name(authority.subject)
                .public_key(key)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=1))
                .not_valid_after(now + datetime.timedelta(days=60))
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            )
            return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

        return {
            "signed": signed("example.org", own_key),
            "signed_wrong_name": signed("other.example.org", own_key),
            "signed_wrong_key": signed("example.org", other_key),
        }


def differences(step: Step, recorded: Mapping[str, Any], reply: Mapping[str, Any]) -> list[Difference]:
    """The differences from the recording. For some steps only status and type are compared."""
    keys = ["status", "type"] if step.get("loose") else sorted(recorded.keys() | reply.keys())
    return [
        Difference(step["id"], key, recorded.get(key), reply.get(key))
        for key in keys
        if recorded.get(key) != reply.get(key)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.conversation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("base", help="the box's URL, with /admin")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--scenario", choices=SCENARIOS, default="scenario")
    parser.add_argument("--cacert", default=True)
    parser.add_argument("--sign", nargs=2, metavar=("CA.pem", "CA.key"))
    options = parser.parse_args()
    conversation = Conversation(options.base, options.cacert, tuple(options.sign) if options.sign else None)

    if options.what == "record":
        reply = {step["id"]: answer for step, answer in conversation.replay(options.scenario)}
        options.file.write_text(json.dumps(reply, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{len(reply)} answers recorded")
        return 0

    recorded = json.loads(options.file.read_text(encoding="utf-8"))
    found = [
        difference
        for step, answer in conversation.replay(options.scenario)
        for difference in differences(step, recorded[step["id"]], answer)
    ]
    for difference in found:
        print(difference)
    print(f"{len(found)} differences in {len(scenario(options.scenario))} answers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
