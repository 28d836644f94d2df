# SPDX-License-Identifier: MIT
"""The crash ledger: what teplo/outcome says of a call, while it runs, later, and after a kill."""

import os
import random
import signal
import subprocess
import threading
import time
import uuid

import pytest

from harness import Client, RpcError, places, wait_until

META_CALL = "dev.teplo/call"
KILLS = int(os.environ.get("TEPLO_KILLS", "8"))


def new_id():
    return str(uuid.uuid4())


def outcome(broker, call):
    """Asked on a connection that has said nothing before."""
    with Client(broker.socket_path(), "bare") as client:
        return client.request("teplo/outcome", {"call": call})


def start_call(client, tool, arguments=None, call=None):
    call = call or new_id()
    return client.start_call(tool, arguments, meta={META_CALL: call}), call


def wait_outcome(broker, call, word):
    return wait_until(lambda: outcome(broker, call)["outcome"] == word, f"{call} is {word}")


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_call_is_pending_and_then_executed(broker, raw, era):
    client = broker.client(era)
    request, call = start_call(client, "hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    said = client.request("teplo/outcome", {"call": call.upper()})
    assert (said["call"], said["outcome"], said["pool"]) == (call, "pending", "raw")
    assert ("resultType" in said) == (era == "modern")
    raw.release("k")
    client.wait(request)
    said = outcome(broker, call)
    assert (said["outcome"], said["pool"]) == ("executed", "raw")
    assert broker.admin("teplo/outcome", {"call": call})["outcome"] == "executed"
    stats = broker.admin("teplo/stats")
    assert (stats["ledger_live"], stats["ledger_total"]) == (0, 1)


def test_only_calls_that_may_write_are_recorded(broker):
    client = broker.client()
    client.request("tools/list")
    client.request("prompts/get", {"name": "x"})
    assert broker.admin("teplo/stats")["ledger_total"] == 0


def test_the_id_goes_to_the_server_and_nothing_is_added_without_one(broker, raw):
    client = broker.client()
    call = new_id()
    client.call("echo", {"a": 1}, meta={META_CALL: call, "dev.teplo/deadlineMs": 60000})
    client.call("echo", {"a": 2})
    with_id, without = raw.report().bodies("tools/call")
    assert f'"{META_CALL}": "{call}"'.encode() in with_id and b"deadlineMs" not in with_id
    assert b"dev.teplo" not in without


def test_ids_that_are_no_uuid_or_in_use_are_refused(broker, raw):
    client = broker.client()
    for bad in ("", "x", 7, None, {"a": 1}, "0" * 36):
        error = client.wait_error(client.start_call("counter", {"key": "k"}, meta={META_CALL: bad}))
        assert error.code == -32602 and META_CALL in error.message
        with pytest.raises(RpcError) as refused:
            client.request("teplo/outcome", {"call": bad})
        assert refused.value.code == -32602
    request, call = start_call(client, "hold", {"key": "one"})
    raw.wait_requests(1, "tools/call")
    other = broker.client()
    error = other.wait_error(start_call(other, "counter", {"key": "k"}, call)[0])
    assert error.code == -32600
    raw.release("one")
    client.wait(request)
    other.wait(start_call(other, "counter", {"key": "k"}, call)[0])
    assert raw.report().counters["k"] == 1


def test_failures_name_the_call_and_agree_with_the_ledger(broker, raw):
    client = broker.client()
    for tool, arguments in (("cut", {}), ("status", {"status": 401}), ("malformed_answer", {})):
        request, call = start_call(client, tool, arguments)
        error = client.wait_error(request)
        said = outcome(broker, call)
        assert error.teplo["call"] == call
        assert (said["outcome"], said["reason"]) == (error.outcome, error.teplo["reason"])
    minted = client.call_error("cut").teplo["call"]
    assert uuid.UUID(minted).version == 7
    assert outcome(broker, minted)["outcome"] == "unknown"


def test_a_call_in_the_queue_that_nobody_waits_for_did_not_run(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 1})
    holder = broker.client()
    held, _ = start_call(holder, "hold", {"key": "h"})
    raw.wait_requests(1, "tools/call")
    client = broker.client()
    cancelled, cancelled_call = start_call(client, "counter", {"key": "c"})
    _, left_call = start_call(client, "counter", {"key": "c"})
    wait_outcome(broker, left_call, "pending")
    client.cancel(cancelled)
    wait_outcome(broker, cancelled_call, "not_executed")
    client.close()
    wait_outcome(broker, left_call, "not_executed")
    raw.release("h")
    holder.wait(held)
    assert "c" not in raw.report().counters


def test_a_call_whose_client_left_gets_its_real_end(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"cancel_grace": "400ms"})
    client = broker.client()
    _, answered = start_call(client, "hold", {"key": "h"})
    _, silent = start_call(client, "silent")
    raw.wait_requests(2, "tools/call")
    client.close()
    raw.release("h")
    wait_outcome(broker, answered, "executed")
    wait_outcome(broker, silent, "unknown")
    assert broker.admin("teplo/stats")["ledger_live"] == 0


def test_a_cancelled_call_is_cancelled_unless_it_is_answered(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"cancel_grace": "400ms"})
    client = broker.client()
    silent, silent_call = start_call(client, "silent")
    late, late_call = start_call(client, "late")
    raw.wait_requests(2, "tools/call")
    client.cancel(silent)
    client.cancel(late)
    wait_outcome(broker, late_call, "executed")
    wait_outcome(broker, silent_call, "cancelled")


def test_a_call_that_was_given_up_is_known_better_later(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"call_timeout": "200ms"})
    client = broker.client()
    request, call = start_call(client, "late")
    assert client.wait_error(request).outcome == "unknown"
    wait_outcome(broker, call, "executed")


def test_nothing_is_claimed_of_a_call_that_is_not_known(broker):
    said = outcome(broker, new_id())
    assert said["outcome"] == "no_record"
    assert "may have run" in said["text"] and "16384" in said["text"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_only_the_user_who_called_may_ask(broker, raw):
    os.chmod(broker.directory, 0o755)
    os.chmod(broker.runtime, 0o755)
    os.chmod(broker.socket_path(), 0o666)
    client = broker.client()
    _, call = start_call(client, "counter", {"key": "k"})
    wait_outcome(broker, call, "executed")
    answers = {}
    for user in (65534, 0):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setuid(user)
            os.write(writing, outcome(broker, call)["outcome"].encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            answers[user] = pipe.read()
        os.waitpid(pid, 0)
    assert answers == {65534: "no_record", 0: "executed"}


def test_teploctl_outcome(broker, raw):
    client = broker.client()
    request, call = start_call(client, "counter", {"key": "k"})
    client.wait(request)
    done = broker.ctl("outcome", call)
    assert (done.returncode, done.stderr) == (0, "")
    assert "outcome\texecuted" in done.stdout
    request, call = start_call(client, "status", {"status": 401})
    client.wait_error(request)
    assert broker.ctl("outcome", call).returncode == 3
    request, call = start_call(client, "cut")
    client.wait_error(request)
    assert broker.ctl("outcome", call, "--json").returncode == 4
    assert broker.ctl("outcome", new_id()).returncode == 4
    done = broker.ctl("outcome", "nonsense")
    assert done.returncode == 2 and "UUID" in done.stderr


# Death.


class Load:
    """Clients that call `counter` with a key and an id of its own for each call."""

    def __init__(self, broker, count):
        self.broker = broker
        self.answered = {}
        self.unanswered = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        """Three calls at a time, until the connection ends."""
        try:
            client = Client(self.broker.socket_path())
        except OSError:
            return
        with client:
            while not client.lines.ended and not self.stopping.is_set():
                calls = [new_id() for _ in range(3)]
                requests = []
                try:
                    for call in calls:
                        requests.append(start_call(client, "counter", {"key": call}, call)[0])
                except OSError:
                    pass
                for call, request in zip(calls, requests):
                    self.note(client, call, request)

    def note(self, client, call, request):
        wait_until(lambda: client.find_answer(request) or client.lines.ended, "an answer or the end")
        line = client.find_answer(request)
        with self.lock:
            if line is None:
                self.unanswered.append(call)
            else:
                self.answered[call] = line.message

    def join(self):
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


def kill_and_look(broker, raw, number, seed):
    """One life: under load, dead at a random moment, and back.  Outcomes that were told later."""
    chance = random.Random(seed)
    load = Load(broker, 4)
    wait_until(lambda: len(load.answered) > chance.randrange(40), "some calls are answered")
    time.sleep(chance.random() / 50)  # the very moment is what is left to chance here
    broker.expects_clean_end = False
    broker.program.signal(number)
    broker.program.wait()
    load.join()
    began = time.monotonic()
    broker.start()
    assert time.monotonic() - began < places.SLOWNESS or "valgrind" in str(broker.program.argv)
    counters = raw.report().counters
    told = [outcome(broker, call)["outcome"] for call in load.unanswered]
    for call, word in zip(load.unanswered, told):
        ran = counters.get(call, 0)
        assert ran <= 1, f"seed {seed}: {call} ran {ran} times"
        assert word in ("not_executed", "unknown", "executed", "result_lost", "no_record"), word
        assert word != "not_executed" or ran == 0, f"seed {seed}: {call} ran, and was denied"
        assert word != "executed" or ran == 1, f"seed {seed}: {call} did not run"
    for call, message in load.answered.items():
        ran = counters.get(call, 0)
        assert ran == 1 if "result" in message else ran <= 1
        # The ledger agrees with what the client has heard.
        if "result" in message:
            assert outcome(broker, call)["outcome"] == "executed"
    return told


def kill_many_times(broker, raw, number):
    seed = int(os.environ.get("TEPLO_SEED", random.randrange(1 << 30)))
    print(f"TEPLO_SEED={seed}")
    told = []
    for life in range(KILLS):
        told += kill_and_look(broker, raw, number, seed + life)
    assert "unknown" in told or "not_executed" in told, "no call was ever caught by the kill"


def test_c1_sigkill_under_load_leaves_honest_outcomes(broker, raw):
    kill_many_times(broker, raw, signal.SIGKILL)


def test_c2_abort_under_load_leaves_honest_outcomes(broker, raw):
    kill_many_times(broker, raw, signal.SIGABRT)


def test_c1_a_kill_tells_the_queued_from_the_sent(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 1})
    client = broker.client()
    _, sent = start_call(client, "hold", {"key": "never"})
    raw.wait_requests(1, "tools/call")
    _, queued = start_call(client, "counter", {"key": "queued"})
    wait_outcome(broker, queued, "pending")
    broker.kill9()
    client.wait_end()
    broker.start()
    line = broker.wait_log("ledger_recovered", not_executed=1, unknown=1)
    assert line["level"] == "warn"
    assert outcome(broker, queued)["outcome"] == "not_executed"
    said = outcome(broker, sent)
    assert (said["outcome"], said["reason"]) == ("unknown", "broker_restart")
    assert "queued" not in raw.report().counters


# Files.


def ledger(broker):
    return broker.runtime / "ledger.0"


@pytest.mark.parametrize("damage", ["empty", "noise", "short", "symlink", "fifo", "unreadable"])
def test_c20_a_damaged_ledger_is_replaced(broker, raw, damage):
    client = broker.client()
    client.call("counter", {"key": "k"})
    broker.kill9()
    path = ledger(broker)
    content = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    if damage == "noise":
        path.write_bytes(random.Random(20).randbytes(len(content)))
    elif damage == "short":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "unreadable":
        path.chmod(0)
    else:
        path.unlink()
        path.symlink_to("/dev/null") if damage == "symlink" else os.mkfifo(path)
    broker.start()
    assert broker.client().text("counter", {"key": "k"}) == "2"
    assert path.is_file() and not path.is_symlink()
    assert path.stat().st_size == len(content)
    broker.expects_clean_end = True


def test_c20_no_arguments_and_no_results_are_in_it(broker):
    broker.client().call("echo", {"secret": "kanarka-4711"})
    assert b"kanarka" not in ledger(broker).read_bytes()


def test_c13_without_a_ledger_there_is_no_start(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    broker.stop()
    for number in (0, 1):
        (broker.runtime / f"ledger.{number}").unlink(missing_ok=True)
        (broker.runtime / f"ledger.{number}").mkdir()
    broker.expects_clean_end = False
    broker.start(ready=False)
    assert broker.program.wait() == 1
    assert "ledger.0" in broker.program.output() and "cannot be removed" in broker.program.output()


def test_c13_a_full_disk_is_no_crash(start_broker, raw):
    """A write to a mapped file without room would be SIGBUS: room is made at the start, or none is."""
    broker = start_broker({"raw": raw.url})
    broker.stop()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs", str(broker.runtime)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    try:
        broker.expects_clean_end = False
        broker.start(ready=False)
        assert broker.program.wait() == 1
        assert "No space left" in broker.program.output()
    finally:
        subprocess.run(["umount", str(broker.runtime)], check=True)


def test_c13_a_ledger_cut_short_stops_calls_and_nothing_else(broker, raw):
    client = broker.client()
    client.call("counter", {"key": "k"})
    os.truncate(ledger(broker), 0)
    broker.wait_log("ledger_lost", level="error")
    error = client.call_error("counter", {"key": "k"})
    assert (error.code, error.outcome, error.teplo["reason"]) == (-31001, "not_executed", "ledger_full")
    assert client.request("tools/list")["tools"]
    assert raw.report().counters["k"] == 1


def test_c13_a_removed_ledger_is_made_again(broker):
    client = broker.client()
    request, call = start_call(client, "counter", {"key": "k"})
    client.wait(request)
    ledger(broker).unlink()
    broker.wait_log("ledger_replaced")
    assert client.text("counter", {"key": "k"}) == "2"
    assert outcome(broker, call)["outcome"] == "executed"
