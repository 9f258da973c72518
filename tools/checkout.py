# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie in this checkout, and the environment in which its tools run."""

from __future__ import annotations

import os
import shutil
import subprocess
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
        # Not in the user's home.
        "PRE_COMMIT_HOME": str(CACHE / "pre-commit"),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{search_path()}",
        "VIRTUAL_ENV": str(VENV),
    }


def files() -> list[Path]:
    """What belongs to the project, relative to ROOT: what git knows and is there, and what it would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    names = sorted(set(filter(None, listed.stdout.split("\0"))))
    return [Path(name) for name in names if (ROOT / name).is_file()]


def copy_checkout(folder: Path) -> None:
    """Make a folder a copy of the checkout, less what git ignores; a .venv that it has is left to it."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_dir() and not old.is_symlink():
            if old.name != VENV.name:
                shutil.rmtree(old)
        else:
            old.unlink()
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    # With no repository of its own, it would be a part of one that ignores it.
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
