# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the certificate for a client.

Two kinds of certificates share one port, so that tests can both verify TLS and see installed certificates:

- The admin server has a certificate of the box's authority, for localhost, 127.0.0.1, ::1 and the
  box's name. Verification with `cacert` succeeds, whatever certificates are installed.
- A client that sends a domain (SNI) with an installed certificate gets that certificate. This doesn't apply to the
  self-signed certificate that a new box has for its own name, because no client could verify it.

Clients that connect by IP address send no name.
"""

from __future__ import annotations

import pathlib
import ssl
from collections.abc import Callable

from . import crypto
from .certificates import Installed, read
from .state import State


class ServerTls:
    """The TLS side of a box's server; the folder is for key files."""

    def __init__(self, folder: pathlib.Path, state: Callable[[], State]) -> None:
        self._folder = folder
        self._state = state
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.context = self._load(crypto.admin_identity(state().hostname))
        self.context.sni_callback = self._choose

    def _load(self, identity: str) -> ssl.SSLContext:
        """A context for the key and the certificate in a PEM text. Python can read them only from files."""
        context = self._contexts.get(identity)
        if context is None:
            path = self._folder / f"identity-{len(self._contexts)}.pem"
            path.write_text(identity, encoding="ascii")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)
            self._contexts[identity] = context
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _unused: ssl.SSLContext) -> None:
        pem = Installed(self._state()).used(name) if name else None
        if pem is not None and read(pem).is_for_box_key:
            is_first = name == self._state().hostname and read(pem).is_self_signed
            if not is_first:
                connection.context = self._load(crypto.private_pem(crypto.box_key()) + pem)
