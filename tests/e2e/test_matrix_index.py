# SPDX-License-Identifier: MIT
"""The index of the fault matrix: it holds, and it would notice if it did not."""

import subprocess
import sys

import pytest

from harness import places

sys.path.insert(0, str(places.REPO / "tests/lint"))

import check_matrix  # noqa: E402
from sources import Complaints  # noqa: E402


@pytest.fixture(scope="module")
def names():
    return check_matrix.names_of_tests()


def complaints_about(text, names):
    complaints = Complaints()
    awaited = check_matrix.check(text, names, complaints)
    return complaints.count, awaited


def test_every_row_has_its_tests(names):
    assert complaints_about(check_matrix.MATRIX.read_text(), names)[0] == 0


@pytest.mark.parametrize(
    "old, new",
    [
        ("| A1 |", "| A2 |"),
        ("| B3 |", "| B16 |"),
        ("::test_nobody_listens", "::test_somebody_listens"),
        ("test_scarcity.py::test_c16_*", "test_scarcity.py::test_c99_*"),
        ("tests/e2e/test_frozen.py::", "tests/e2e/test_melted.py::"),
    ],
)
def test_what_is_wrong_is_noticed(names, old, new, capsys):
    text = check_matrix.MATRIX.read_text()
    assert old in text
    assert complaints_about(text.replace(old, new), names)[0] > 0
    assert "MATRIX.md:" in capsys.readouterr().out


def test_a_row_without_a_test_is_awaited(names):
    rows = check_matrix.MATRIX.read_text().splitlines()
    bare = ["| B6 | anything | awaited: all |" if row.startswith("| B6 ") else row for row in rows]
    count, awaited = complaints_about("\n".join(bare), names)
    assert (count, "B6" in awaited) == (0, True)


def test_tests_of_python_that_are_named_are_collected(names):
    """A name in a file is not enough: pytest must find it."""
    named = {
        item.strip()
        for row in map(check_matrix.ROW.match, check_matrix.MATRIX.read_text().splitlines())
        if row
        for item in row[3].split(";")
        if "::" in item and ".py::test_" in item and "*" not in item
    }
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "tests/e2e/pytest.ini", "--rootdir", "tests/e2e", "tests/e2e",
         "--co", "-q"],
        cwd=places.REPO, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.split("[")[0] for line in collected.stdout.splitlines() if "::" in line]
    found = {"tests/e2e/" + line.split("/")[-1] for line in lines}
    assert named and not named - found, sorted(named - found)
