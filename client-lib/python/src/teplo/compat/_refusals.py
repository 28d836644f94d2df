# SPDX-License-Identifier: MIT
"""What belongs to one session alone, and is therefore not to be had on shared ones."""

from typing import Any

from .._errors import Unsupported

OWN_SESSION = "open a session of its own with the mcp package for what needs it"
QUESTIONS = (
    "the servers' sessions are shared, and a question of a server could reach the wrong program; "
    f"leave it out, or {OWN_SESSION}"
)

# Parameters of ClientSession and its methods -> why not, and what instead.
PARAMETERS = {
    "sampling_callback": QUESTIONS,
    "sampling_capabilities": QUESTIONS,
    "elicitation_callback": QUESTIONS,
    "list_roots_callback": QUESTIONS,
    "message_handler": "a server's messages belong to nobody in particular on a shared session; "
    "subscriptions/listen by teplo.Pool.request tells of changed lists",
    "logging_callback": "a server's log messages belong to nobody in particular on a shared "
    f"session, and the broker drops them; leave it out, or {OWN_SESSION}",
    "log_level": f"the level is one for all who share the session; leave it out, or {OWN_SESSION}",
    "experimental_task_handlers": f"tasks belong to one session; leave it out, or {OWN_SESSION}",
    "extensions": f"what a session declares holds for all who share it; leave it out, or {OWN_SESSION}",
    "result_claims": f"they come with extensions; leave it out, or {OWN_SESSION}",
    "notification_bindings": f"they come with extensions; leave it out, or {OWN_SESSION}",
    "dispatcher": "the requests go to the broker; give the streams of teplo.compat's transports",
    "input_responses": QUESTIONS,
    "request_state": QUESTIONS,
    "allow_input_required": QUESTIONS,
    "allow_claimed": f"it comes with extensions; leave it out, or {OWN_SESSION}",
    "resumption_token": "the broker resumes what can be resumed; leave it out",
}
METHODS = {
    "set_logging_level": PARAMETERS["log_level"],
    "subscribe_resource": "a subscription belongs to one session, and sessions are shared; read the "
    f"resource again when it matters, or {OWN_SESSION}",
    "unsubscribe_resource": "there are no subscriptions",
    "send_roots_list_changed": QUESTIONS,
    "send_progress_notification": "no request of a server reaches this session",
    "send_notification": "a notification concerns one session, and sessions are shared; leave it out",
    "experimental": PARAMETERS["experimental_task_handlers"],
    "send_discover": "initialize() and discover() say what the server can do",
    "adopt": "the broker has negotiated with the server; leave it out",
}


def refuse_parameters(owner: str, given: dict[str, Any]) -> None:
    """None and False ask for nothing.  A name that the SDK does not have either is a TypeError."""
    for name, value in given.items():
        if name not in PARAMETERS:
            raise TypeError(f"{owner}() got an unexpected keyword argument {name!r}")
        if value is not None and value is not False:
            raise Unsupported(f"{owner}({name}=...) is not possible through teplo: {PARAMETERS[name]}")


def refused_method(name: str) -> Unsupported:
    return Unsupported(f"ClientSession.{name} is not possible through teplo: {METHODS[name]}")
