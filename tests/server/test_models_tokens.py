"""What prompts cost, estimated."""

from assistctl.server.models import tokens
from assistctl.server.tokens import count_tokens


def test_what_was_said_before_is_counted_once_and_not_again_in_each_turn(monkeypatch):
    counted = []

    def count(text):
        counted.append(text)
        return count_tokens(text)

    monkeypatch.setattr(tokens, "count_tokens", count)
    told = [f"{number}: " + "玫瑰 and tulips, " * 20 for number in range(3)]
    turn = [{"role": "user", "content": text} for text in told]
    costs = [tokens.estimate_prompt(turn[:number]) for number in (1, 2, 3, 3)]
    assert counted == told
    assert costs == [sum(4 + count_tokens(text) for text in told[:n]) for n in (1, 2, 3, 3)]
    assert tokens.estimate_prompt([{"role": "user", "content": "half a pair \ud83d" * 9}]) > 4
