# SPDX-License-Identifier: MIT
"""What the checkers share: the project's files, and C text without comments and strings."""

import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
BLANKED = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(*suffixes, under=None):
    """Tracked and new files of the project, below the folders UNDER if given."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *(under or [])]
    listed = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout
    paths = [REPO / name for name in sorted(set(listed.splitlines()))]
    return [path for path in paths if path.is_file() and path.name.endswith(suffixes)]


def name_of(path):
    return path.relative_to(REPO).as_posix()


def without_comments(text):
    """Same length and lines, comments and literals turned into blanks."""
    return BLANKED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


class Complaints:
    def __init__(self):
        self.count = 0

    def add(self, path, line, text):
        print(f"{name_of(path)}:{line}: {text}")
        self.count += 1

    def leave(self):
        sys.exit(1 if self.count else 0)
