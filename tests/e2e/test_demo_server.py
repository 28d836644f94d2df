# SPDX-License-Identifier: MIT
"""The main job, with the tools of the user's graph server: what is written can be read back."""

import json

import pytest


@pytest.fixture
def demo(start_demo):
    return start_demo(["--context-delay", "0.01"])


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_node_written_through_the_pool_is_read_back(start_broker, demo, era):
    client = start_broker({"grynya": demo.url}).client(era)
    node = {"id": "ідея-1", "text": "Тепло в хаті 🔥", "n": 9007199254740993}
    written = json.loads(client.text("add_node", {"node_type": "Idea", "node_data": node}))
    assert written == {"status": "success", "node_id": "ідея-1", "node_type": "Idea"}
    query = "MATCH (n:Idea {id: 'ідея-1'}) RETURN n"
    (row,) = json.loads(client.text("query_graph", {"query": query}))["results"]
    assert row["n"] == {"label": "Idea", **node}


def test_the_twelve_tools_the_prompt_and_the_resource(start_broker, demo):
    client = start_broker({"grynya": demo.url}).client()
    names = {tool["name"] for tool in client.request("tools/list")["tools"]}
    assert names == {
        "query_graph", "create_session", "init_session_with_context", "add_node", "link_nodes",
        "update_last_event", "batch_add_nodes", "batch_link_nodes", "delete_node", "delete_link",
        "list_graphs", "copy_graph",
    }  # fmt: skip
    resource = client.request("resources/read", {"uri": "system://gemini_prompt"})
    prompt = client.request("prompts/get", {"name": "Grynya_Persona"})
    assert prompt["messages"][0]["content"]["text"] == resource["contents"][0]["text"]


def test_a_day_of_the_graphs_life(start_broker, demo):
    client = start_broker({"grynya": demo.url}).client()

    def call(tool, **arguments):
        answer = json.loads(client.text(tool, arguments))
        assert answer["status"] == "success", answer
        return answer

    session = {"name": "ранок", "topic": "тепло", "trigger": "кава", "date": "2026-11-24", "year": 2026}
    call("create_session", session_id="s1", **session)
    call("batch_add_nodes", node_type="Event", nodes=[{"id": "e1"}, {"id": "e2"}], day_id="2026-11-24", time="09:00")
    call("link_nodes", source_id="e1", target_id="e2", rel_type="NEXT", props={"вага": 1})
    call("update_last_event", session_id="s1", event_id="e1")
    call("update_last_event", session_id="s1", event_id="e2")
    last = call("query_graph", query="MATCH (a:Session)-[r:LAST_EVENT]->(b) RETURN b.id")
    assert last["results"] == [{"b.id": "e2"}]
    call("copy_graph", source_graph="Grynya", destination_graph="Копія")
    call("delete_link", source_id="e1", target_id="e2", rel_type="NEXT")
    call("delete_node", node_id="e1")
    counts = call("query_graph", query="MATCH (n:Event) RETURN count(n)", graphs=["Grynya", "Копія"])
    assert counts["results"] == {"Grynya": [{"count(n)": 1}], "Копія": [{"count(n)": 2}]}
    context = call("init_session_with_context", query="що нового?", date="2026-11-25", year=2026)
    assert len(context["context"]) == 2
