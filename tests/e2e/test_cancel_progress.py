# SPDX-License-Identifier: MIT
"""Cancel and progress find the right call, though all clients use the same ids and tokens."""

import json

import pytest

ERAS = ["legacy", "modern"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.valgrind
def test_progress_goes_to_the_client_that_asked(broker, raw, era):
    clients = [broker.client(era) for _ in range(5)]
    calls = [
        client.start_call("progress", {"steps": 3}, request_id=901, meta={"progressToken": 1})
        for client in clients
    ]
    for client, call in zip(clients, calls):
        client.wait(call)
        steps = [message["params"] for message in client.notifications("notifications/progress")]
        assert [(step["progressToken"], step["progress"]) for step in steps] == [(1, 1), (1, 2), (1, 3)]
        assert all(step["message"].startswith("крок") for step in steps)
    tokens = [
        json.loads(body)["params"]["_meta"]["progressToken"]
        for body in raw.report().bodies("tools/call")
    ]
    assert len(set(tokens)) == 5, "the server sees a token of its own for each call"


@pytest.mark.parametrize("token", ["a", "1", 1, 0, "їжак"])
def test_tokens_come_back_as_they_were_sent(broker, token):
    client = broker.client()
    client.call("progress", {"steps": 1}, meta={"progressToken": token})
    (step,) = client.notifications("notifications/progress")
    assert step["params"]["progressToken"] == token
    assert type(step["params"]["progressToken"]) is type(token)


def test_no_progress_for_a_call_without_a_token(broker):
    client = broker.client()
    client.call("progress", {"steps": 3})
    assert not client.notifications("notifications/progress")


def test_progress_comes_before_the_answer(broker):
    client = broker.client()
    call = client.start_call("progress", {"steps": 20}, meta={"progressToken": "t"})
    client.wait(call)
    kinds = ["method" in line.message for line in client.lines.items]
    assert kinds == [True] * 20 + [False]


@pytest.mark.parametrize("era", ERAS)
def test_a_cancel_reaches_the_right_call_only(broker, raw, era):
    clients = [broker.client(era) for _ in range(4)]
    for number, client in enumerate(clients):
        client.start_call("late" if number == 2 else "hold", {"key": "all"}, request_id="same")
    raw.wait_requests(4, "tools/call")
    clients[2].cancel("same", "досить")
    raw.wait_requests(1, "notifications/cancelled")
    raw.release("all")
    for number in (0, 1, 3):
        assert clients[number].wait("same")["content"][0]["text"] == "released all"
    assert clients[2].text("echo") == "echo"
    assert clients[2].find_answer("same") is None, "nothing comes after a cancel"
    report = raw.report()
    (cancelled,) = [json.loads(body)["params"] for body in report.bodies("notifications/cancelled")]
    ids = [
        json.loads(body)["id"]
        for body in report.bodies("tools/call")
        if json.loads(body)["params"]["name"] == "late"
    ]
    assert [cancelled["requestId"]] == ids


def test_a_cancel_that_fits_nothing_is_ignored(broker, raw):
    client, other = broker.client(), broker.client()
    held = other.start_call("hold", {"key": "mine"}, request_id=77)
    raw.wait_requests(1, "tools/call")
    for request_id in (77, "77", "unknown", 1 << 60):
        client.cancel(request_id)
    assert client.text("echo") == "echo"
    raw.release("mine")
    assert other.wait(held)["content"][0]["text"] == "released mine"
    assert raw.report().count("notifications/cancelled") == 0


def test_a_cancel_twice_or_after_the_answer(broker, raw):
    client = broker.client()
    call = client.start_call("late")
    raw.wait_requests(1, "tools/call")
    client.cancel(call)
    client.cancel(call)
    done = client.start_call("echo")
    client.wait(done)
    client.cancel(done)
    assert client.text("echo") == "echo"
    assert raw.report().count("notifications/cancelled") == 1


def test_a_call_cancelled_in_the_queue_never_reaches_the_server(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 1})
    client = broker.client()
    held = client.start_call("hold", {"key": "first"})
    raw.wait_requests(1, "tools/call")
    queued = client.start_call("counter", {"key": "never"})
    client.cancel(queued)
    last = client.start_call("counter", {"key": "last"})
    raw.release("first")
    client.wait(held)
    client.wait(last)
    report = raw.report()
    assert "never" not in report.counters
    assert report.count("notifications/cancelled") == 0
    assert client.find_answer(queued) is None


def test_a_client_that_leaves_takes_only_its_own_progress_along(broker, raw):
    leaving, staying = broker.client(), broker.client()
    leaving.start_call("hold", {"key": "both"}, meta={"progressToken": 1})
    held = staying.start_call("progress_then_hold", {"key": "both"}, meta={"progressToken": 1})
    raw.wait_requests(2, "tools/call")
    staying.wait_notification("notifications/progress")
    leaving.close()
    raw.release("both")
    assert staying.wait(held)["content"][0]["text"] == "released both"


def test_progress_keeps_a_call_alive_past_its_timeout(start_broker, start_counting):
    server = start_counting()
    broker = start_broker({"counting": server.url}, pool={"call_timeout": "1s"})
    client = broker.client()
    arguments = {"steps": 8, "pause": 0.25}
    result = client.call("slow_progress", arguments, meta={"progressToken": 1})
    assert result["content"][0]["text"] == "8 steps"


@pytest.mark.parametrize("method", ["sampling/createMessage", "roots/list", "elicitation/create"])
def test_a_question_of_the_server_is_refused_and_reaches_no_client(broker, method):
    """Row B12 of the fault matrix."""
    client, other = broker.client(), broker.client()
    other.text("echo")
    answer = json.loads(client.text("ask", {"method": method, "params": {}}))
    assert answer["error"]["code"] == -32601
    assert not client.notifications() and not other.notifications()


def test_a_ping_of_the_server_is_answered(broker, raw):
    client = broker.client()
    assert json.loads(client.text("ask", {"method": "ping"}))["result"] == {}
    raw.ctl("ask", method="ping")
    answers = raw.ctl("wait_answers", count=1)["answers"]
    assert answers[0]["result"] == {}
