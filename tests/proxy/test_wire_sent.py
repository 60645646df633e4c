"""How far an answer has been sent."""

from __future__ import annotations

import pytest
from starlette.types import Message, Scope

from dicomveil_proxy.wire.sent import SentAnswer, counted


def test_an_answer_in_pieces() -> None:
    """It counts from its beginning, and is whole with its last message, not before."""
    sent = SentAnswer()
    assert (sent.status, sent.bytes, sent.is_whole, sent.outcome) == (0, 0, False, 0)
    sent.note({"type": "http.response.start", "status": 206, "headers": []})
    sent.note({"type": "http.response.body", "body": b"one", "more_body": True})
    assert (sent.status, sent.bytes, sent.is_whole, sent.outcome) == (206, 3, False, 0)
    sent.note({"type": "http.response.body"})
    assert (sent.status, sent.bytes, sent.is_whole, sent.outcome) == (206, 3, True, 206)


@pytest.mark.anyio
async def test_all_middleware_of_a_request_share_one_record() -> None:
    """Each message is noted once, and passed on; another request has a record of its own."""
    passed: list[Message] = []

    async def send(message: Message) -> None:
        passed.append(message)

    scope: Scope = {"type": "http"}
    outer, outer_send = counted(scope, send)
    inner, inner_send = counted(scope, outer_send)
    await inner_send({"type": "http.response.start", "status": 200, "headers": []})
    await inner_send({"type": "http.response.body", "body": b"one"})

    assert inner is outer
    assert (outer.outcome, outer.bytes, len(passed)) == (200, 3, 2)
    assert counted({"type": "http"}, send)[0].status == 0
