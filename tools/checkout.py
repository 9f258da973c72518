# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie in this checkout, and the environment in which its tools run."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
# Ansible looks here before it looks in the user's home, where another copy may be installed.
COLLECTIONS = VENV / "collections"
COLLECTION = Path("ansible_collections/mailinabox/admin")


def search_path() -> str:
    """PATH without pyenv's shims: Ansible finds them, and most of them only say that they can't run."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if Path(folder).name != "shims")


def environment() -> dict[str, str]:
    """The user's environment, less what would make a tool do something else than on another machine."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH")
        and not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTEST_"))
    }
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "NO_COLOR": "1",
        "PATH": f"{VENV / 'bin'}{os.pathsep}{search_path()}",
        "VIRTUAL_ENV": str(VENV),
    }
