"""Answers of the platform: receipts and refusals, as payloads and as signed messages on a gateway's topic."""

from collections.abc import Iterator

from cloud_sync.core.batch import ES256, envelope, protected_header, signing_bytes
from cloud_sync.core.receipt import (
    FORK,
    REASONS,
    AnswerError,
    Receipt,
    Refusal,
    answer_payload,
    read_answer,
)
from cloud_sync.core.topic import down_topic
from cloud_sync.keys import KeyRing
from cloud_sync.seal import SealError, open_answer, seal_answer
from tools.fuzz.identities import identity
from tools.fuzz.source import Source

TOPIC = down_topic("b0", "gw-1")


def seeds() -> Iterator[bytes]:
    """Yield a receipt and a refusal, as payload and signed by either kind of key."""
    receipt = Receipt("gw-1", b"i" * 16, 7, b"l" * 32, 1_700_000_000_000, b"n" * 16, 20)
    yield b"\x01" + answer_payload(receipt)
    yield b"\x02" + answer_payload(Refusal("gw-1", b"d" * 16, FORK, 0, 5))
    yield b"\x00" + seal_answer(receipt, identity(1)[0], TOPIC)


def target(data: bytes) -> None:
    """What is read is written as the same bytes, and opens only on the topic of its own gateway."""
    source = Source(data)
    kind = source.octet() % 3
    raw = payload = source.rest()
    if kind:
        signer = identity(1)[0] if kind == 1 else identity(2, ES256)[0]
        header = protected_header(signer.algorithm, signer.kid)
        raw = envelope(header, payload, signer.sign(signing_bytes(header, TOPIC, payload)))
    try:
        answer = read_answer(payload)
        assert answer_payload(answer) == payload
        if isinstance(answer, Refusal):
            assert answer.reason in REASONS
    except AnswerError:
        pass
    try:
        opened = open_answer(raw, TOPIC, KeyRing([identity(1)[1], identity(2, ES256)[1]]))
    except SealError as error:
        assert error.reason and error.detail
        return
    assert opened.gateway == "gw-1"
    assert kind == 0 or answer_payload(opened) == payload
