# SPDX-License-Identifier: MIT
"""Parts of the example provider by themselves: what the whole of it would hide."""

import asyncio
import importlib.util
import pathlib
import sys
import threading
import time

import pytest

EXAMPLE = pathlib.Path(__file__).parents[2] / "client-lib" / "python" / "examples" / "provider"


def load(name):
    """By its path: the example's modules have short names."""
    spec = importlib.util.spec_from_file_location(f"provider_{name}", EXAMPLE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tasks():
    return load("tasks")


def test_a_provider_without_a_key_says_so(monkeypatch):
    settings = load("settings")
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert "OPENAI_API_KEY" in settings.from_environment().without_keys()
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    assert not settings.from_environment().without_keys()


def test_a_task_is_cancelled_from_another_thread_though_its_loop_sleeps(tasks):
    async def main():
        book = tasks.TaskBook()
        task = book.start(asyncio.sleep(30, "slept"))
        await asyncio.sleep(0)
        start = time.monotonic()
        threading.Timer(0.05, book.cancel, [task]).start()
        await asyncio.wait({task.asyncio_task}, timeout=10)
        assert time.monotonic() - start < 5
        await asyncio.sleep(0)
        assert (task.status, task.error) == ("cancelled", "cancelled")
        assert not book.cancel(task)

    asyncio.run(main())


def test_a_task_cancelled_before_it_begins(tasks):
    async def main():
        book = tasks.TaskBook()
        task = book.start(asyncio.sleep(30, "slept"))
        task.asyncio_task.cancel()
        await asyncio.wait({task.asyncio_task})
        await asyncio.sleep(0)
        assert task.status == "cancelled"

    asyncio.run(main())


def test_a_task_that_fails_and_tasks_that_are_forgotten(tasks, monkeypatch):
    async def fail():
        raise RuntimeError("ні")

    async def main():
        monkeypatch.setattr(tasks, "MOST_ENDED", 2)
        book = tasks.TaskBook()
        started = []
        for _ in range(5):
            started.append(book.start(fail()))
            await asyncio.wait({started[-1].asyncio_task})
        assert (started[-1].status, started[-1].error) == ("failed", "ні")
        assert book.find(started[0].id) is None
        assert book.find(started[-1].id) is started[-1]

    asyncio.run(main())


@pytest.mark.parametrize(
    "asked, seconds",
    [(None, 0.5), ("3", 3.0), ("900", 30.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 30.0)],
)
def test_the_pause_before_a_model_is_asked_again(asked, seconds, monkeypatch):
    pytest.importorskip("requests")
    monkeypatch.syspath_prepend(str(EXAMPLE))
    assert load("models").pause_before(1, asked) == seconds


@pytest.mark.parametrize(
    "text, summary, sources, is_empty",
    [
        ('{"summary": "s", "found_nodes": [{"id": 1}, {"x": 2}, 3]}', "s", ["1"], False),
        ('```json\n{"summary": "s", "is_empty": true}\n```', "s", [], True),
        ("проза", "проза", [], False),
        ("", "", [], True),
        ('["no", "object"]', '["no", "object"]', [], False),
        ('{"found_nodes": null}', '{"found_nodes": null}', [], True),
    ],
)
def test_what_the_model_reported(text, summary, sources, is_empty, monkeypatch):
    pytest.importorskip("requests")
    monkeypatch.syspath_prepend(str(EXAMPLE))
    told = {"summary": summary, "sources": sources, "is_empty": is_empty}
    assert load("research").read_report(text) == told
