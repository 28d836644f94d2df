# SPDX-License-Identifier: MIT
"""
The promise of teplo.compat: a program on the official SDK works after its imports are changed, and
nothing else, and sees the same.  The program is programs/graph_provider.py, the server the demo.
"""

import importlib.util
import os
import pathlib
import sys

import pytest

from harness import run_script

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mcp") is None, reason="the package mcp is not installed"
)
PROGRAM = pathlib.Path(__file__).parent / "programs" / "graph_provider.py"
THEIRS = """\
    from mcp.client.sse import sse_client
    from mcp.client.session import ClientSession
"""
OURS = """\
    from teplo.compat import sse_client, ClientSession
"""
ONE_LINE = "import teplo.compat; teplo.compat.install()\n\n"


def changed(path, change):
    source = PROGRAM.read_text(encoding="utf-8")
    assert source.count(THEIRS) == 3
    new = change(source)
    assert new != source
    path.write_text(new, encoding="utf-8")
    return path


@pytest.fixture
def play():
    def play(program, url, **env):
        packages = os.pathsep.join(word for word in sys.path if word)
        command = [sys.executable, "-X", "dev", "-W", "error", program, url]
        return run_script(command, env={"PYTHONPATH": packages, **env})

    return play


@pytest.mark.parametrize(
    "change",
    [
        lambda source: source.replace(THEIRS, OURS),
        lambda source: source.replace("import asyncio\n", ONE_LINE + "import asyncio\n", 1),
    ],
    ids=["three hunks", "one line"],
)
def test_a_program_works_after_changing_only_its_imports(play, start_demo, start_broker, tmp_path, change):
    first, second = start_demo(), start_demo()
    before = play(PROGRAM, first.url, PYTHONWARNINGS="default")
    broker = start_broker({"graph": {"url": second.url, "headers": {"Host": "localhost"}}})
    program = changed(tmp_path / "program.py", change)
    after = play(program, second.url, TEPLO_RUNTIME_DIR=str(broker.runtime), TEPLO_SOCKET="")
    assert after == before
    assert after["research"]["status"] == "success"
    assert len(after["tools"]) == 12 and set(after["states"]) >= {"0", "1", "2", "3"}
    # And what it was for: far fewer sessions at the server.
    assert second.stats()["rpc"]["initialize"] <= 4 < first.stats()["rpc"]["initialize"]
