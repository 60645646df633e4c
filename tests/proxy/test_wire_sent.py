"""How far an answer has been sent."""

from __future__ import annotations

from dicomveil_proxy.wire.sent import SentAnswer


def test_an_answer_in_pieces() -> None:
    """It counts from its beginning, and is whole with its last message, not before."""
    sent = SentAnswer()
    assert (sent.status, sent.bytes, sent.is_whole, sent.outcome) == (0, 0, False, 0)
    sent.note({"type": "http.response.start", "status": 206, "headers": []})
    sent.note({"type": "http.response.body", "body": b"one", "more_body": True})
    assert (sent.status, sent.bytes, sent.is_whole, sent.outcome) == (206, 3, False, 0)
    sent.note({"type": "http.response.body"})
    assert (sent.status, sent.bytes, sent.is_whole, sent.outcome) == (206, 3, True, 206)
