# SPDX-License-Identifier: MIT
"""Where the broker's socket is: the rule of libteplo, for the parts that do without it."""

import os
import pathlib

SYSTEM_DIRECTORY = pathlib.Path("/run/teplo")
SOCKET_NAME = "teplo.sock"


def default_socket_path() -> str:
    """
    $TEPLO_SOCKET; else teplo.sock in $TEPLO_RUNTIME_DIR, else in /run/teplo if it is there (and
    always for root), else in $XDG_RUNTIME_DIR/teplo, else in /tmp/teplo-UID.
    """
    named = os.environ.get("TEPLO_SOCKET")
    return named if named else str(runtime_directory() / SOCKET_NAME)


def runtime_directory() -> pathlib.Path:
    named = os.environ.get("TEPLO_RUNTIME_DIR")
    if named:
        return pathlib.Path(named)
    if os.geteuid() == 0 or is_there(SYSTEM_DIRECTORY / SOCKET_NAME):
        return SYSTEM_DIRECTORY
    session = os.environ.get("XDG_RUNTIME_DIR")
    return pathlib.Path(session) / "teplo" if session else own_temporary_directory()


def own_temporary_directory() -> pathlib.Path:
    """In /tmp anyone could have made it: then it is not believed."""
    directory = pathlib.Path(f"/tmp/teplo-{os.getuid()}")
    try:
        about = directory.lstat()
    except FileNotFoundError:
        return directory
    if not directory.is_dir() or directory.is_symlink() or about.st_uid != os.getuid():
        raise PermissionError(f"{directory} belongs to somebody else and is not used")
    return directory


def is_there(path: pathlib.Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True
