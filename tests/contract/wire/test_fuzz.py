"""Malformed messages by the thousand: the server lives, answers everybody else, and logs no error of its own."""

import random

from tests.contract.wire.fuzz import complaints, fuzz, fuzzed_server, malformed


def test_malformed_messages_harm_nobody():
    with fuzzed_server() as server:
        outcome = fuzz(server, 4000, seed=2)
        assert complaints(server, outcome) == []
    assert outcome.sent == 4000
    assert outcome.answered > 2000, "messages that nobody reads prove nothing"


def test_the_same_seed_sends_the_same_bytes():
    def some(seed):
        random_ = random.Random(seed)
        return [malformed(random_) for _ in range(200)]

    assert some(3) == some(3) != some(4)
