# SPDX-License-Identifier: MIT
"""C18 by process: what tests/fault/test_config_texts.c does by the thousand, teplod does as well."""

import random
import re
import subprocess

import pytest

from harness import places

FORMS = {
    "a server": '{"mcpServers":{"a":{"url":"http://h/sse",\n"teplo":{\n%s\n}}}}',
    "the top": '{"mcpServers":{"a":{"url":"http://h/sse"}},\n"teplo":{\n%s\n}}',
    "redis": '{"mcpServers":{"a":{"url":"http://h/sse"}},\n"teplo":{"redis":{\n%s\n}}}',
}
VALUES = [
    "-1", "0", "1", "1e400", "9223372036854775808", '""', '"5s"', '"-5s"', '"99999999999999999999s"',
    '"17179869184GiB"', '"5s\\r\\n"', '"x\r\nInjected: yes"', '"п\'ять 🌞"', '"\\u0000"', '"\\ud800"',
    "null", "true", "[]", "{}", "[[[[", "NaN",
]  # fmt: skip
OPTION = re.compile(r"^ +([a-z_]+) = ", re.MULTILINE)
HEADING = re.compile(r"^In .*:$", re.MULTILINE)
COUNT = 50


def options():
    """(form, option) of --print-options."""
    text = subprocess.run([places.TEPLOD, "--print-options"], capture_output=True, text=True, check=True).stdout
    sections = HEADING.split(text)[1:]
    assert len(sections) == len(FORMS), HEADING.findall(text)
    return [(form, name) for form, section in zip(FORMS.values(), sections) for name in OPTION.findall(section)]


def test_c18_a_file_is_refused_with_its_place_or_valid(tmp_path):
    chance = random.Random(20261124)
    seen = set()
    for number in range(COUNT):
        form, option = chance.choice(options())
        path = tmp_path / f"{number}.json"
        path.write_bytes((form % f'"{option}": {chance.choice(VALUES)}').encode())
        done = subprocess.run([places.TEPLOD, "--check-config", path], capture_output=True, text=True, check=False)
        seen.add(done.returncode)
        said = done.stdout + done.stderr
        assert done.returncode in (0, 78), (done, path.read_text())
        if done.returncode == 78:
            assert re.search(rf"{re.escape(str(path))}:\d+: \S", said), (said, path.read_text())
            assert len(said.splitlines()) <= 1 + said.count("teplod:"), said
    assert seen == {0, 78}


@pytest.mark.parametrize("word", ["-1", "99999999999999999999"])
def test_c18_the_line_is_the_right_one(tmp_path, word):
    path = tmp_path / "teplo.json"
    path.write_text(FORMS["a server"] % f'"pool_size": {word}')
    done = subprocess.run([places.TEPLOD, "--check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 78 and f"{path}:3: " in done.stdout + done.stderr
