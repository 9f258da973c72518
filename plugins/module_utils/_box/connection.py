# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a box and the credentials, from the options of a task."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Union
from urllib.parse import urlsplit

from .._values import names
from .._values.errors import InvalidOption
from .._values.secrets import MASK

_PREFIX = "/admin"
_PORTS = {"https": 443, "http": 80}
# Longer than any request takes, and short enough for a socket timeout.
_LONGEST_TIMEOUT = 86400
# The web server of a box accepts header lines of up to 8 KiB. The credentials are sent in one line, in base64.
_LONGEST_SECRET = 4096
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?\Z")


@dataclass(frozen=True)
class Connection:
    """The address of a box and the credentials.

    :param url: the URL of the admin API; it ends in ``/admin``.
    :param verify: as in ``requests``: True for the CAs that the system trusts, a file or folder of CAs, or False.
    :param timeout: the limit for one request, in seconds.
    :param unknown_box: ``write`` to also write to a box that is neither upstream nor a known fork; otherwise ``stop``.
    """

    url: str
    username: str
    password: Optional[str] = field(default=None, repr=False)
    api_key: Optional[str] = field(default=None, repr=False)
    totp_secret: Optional[str] = field(default=None, repr=False)
    verify: Union[bool, str] = True
    timeout: float = 120
    unknown_box: str = "stop"

    @property
    def base_url(self) -> str:
        """The URL of the box without the path of the API."""
        return self.url[: -len(_PREFIX)] if self.url.endswith(_PREFIX) else self.url

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Connection:
        """Create a connection from the options of a task.

        :raises InvalidOption: with the option and the reason.
        """
        password, api_key = options["password"], options["api_key"]
        for option, secret in (("password", password), ("api_key", api_key)):
            if secret is not None and not (secret.strip() and secret.isascii() and secret.isprintable()):
                raise InvalidOption(option, MASK, "must be printable ASCII and not empty")
            if secret is not None and len(secret) > _LONGEST_SECRET:
                raise InvalidOption(option, MASK, "must have at most %d characters" % _LONGEST_SECRET)
        username = options["username"].strip()
        is_one = username.isascii() and username.isprintable() and 0 < len(username) <= 254
        if not is_one or ":" in username:
            raise InvalidOption(
                "username", options["username"], "must be the mail address of an administrator of the box"
            )
        ca_path = options["ca_path"]
        if ca_path and options["validate_certs"] and not os.path.exists(ca_path):
            raise InvalidOption("ca_path", ca_path, "no such file or folder on the machine that runs the task")
        if not 0 < options["timeout"] <= _LONGEST_TIMEOUT:
            raise InvalidOption(
                "timeout",
                options["timeout"],
                "must be a number of seconds greater than 0, at most %d" % _LONGEST_TIMEOUT,
            )
        return cls(
            url=admin_url(options["host"]),
            username=username.lower(),
            password=password,
            api_key=api_key,
            totp_secret=options["totp_secret"],
            verify=(ca_path or True) if options["validate_certs"] else False,
            timeout=options["timeout"],
            unknown_box=options["unknown_box"],
        )


def admin_url(host: str) -> str:
    """The canonical URL of the admin API, from a host name, a host name with a port, or a URL.

    :raises InvalidOption: for anything else, and for plain http to another machine.
    """
    text = host.strip()
    try:
        parts = urlsplit(text if "://" in text else "https://" + text)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidOption("host", host, str(error)) from error
    if parts.scheme not in _PORTS:
        raise InvalidOption("host", host, "the scheme %s is not supported; use https" % parts.scheme)
    if "@" in parts.netloc:
        raise InvalidOption("host", MASK, "credentials can't be part of it; use username and password")
    if not name or any(character.isspace() for character in text) or parts.query or parts.fragment:
        raise InvalidOption("host", host, "must be a host name, a host name with a port, or a URL")
    if parts.path.rstrip("/") not in ("", _PREFIX):
        raise InvalidOption("host", host, "the path must be %s or empty" % _PREFIX)
    try:
        name = name if name.isascii() else names.domain(name)
    except ValueError as error:
        raise InvalidOption("host", host, str(error)) from error
    if not _is_name(name):
        raise InvalidOption("host", host, "%r is not a valid host name" % name)
    if parts.scheme == "http" and not _is_loopback(name):
        raise InvalidOption("host", host, "the password would be sent unencrypted; use https")
    name = ipaddress.ip_address(name).compressed if ":" in name else name.rstrip(".")
    return "%s://%s%s%s" % (
        parts.scheme,
        "[%s]" % name if ":" in name else name,
        "" if port in (None, _PORTS[parts.scheme]) else ":%d" % port,
        _PREFIX,
    )


def _is_name(name: str) -> bool:
    try:
        return not (":" in name and "%" in name) and bool(ipaddress.ip_address(name))
    except ValueError:
        return bool(_NAME.match(name)) and len(name) <= 254


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
