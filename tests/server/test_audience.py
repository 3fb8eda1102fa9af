import asyncio
import gc
import threading

import pytest

from assistctl.server.engine.audience import Audience, Seat


async def all_of(seat: Seat) -> list[str]:
    heard = []
    while (event := await seat.heard(5)) is not None:
        heard.append(event)
    return heard


def test_each_hears_what_is_told_of_their_subject_from_when_they_came_on() -> None:
    async def play() -> list[list[str]]:
        audience = Audience()
        audience.tell("roses", ["to nobody"])
        first = audience.join("roses")
        audience.tell("roses", ["a", "b"])
        second, other = audience.join("roses"), audience.join("tulips")
        audience.tell("roses", ["c"])
        audience.leave("roses")
        audience.tell("tulips", ["d"])
        audience.close()
        return [await all_of(seat) for seat in (first, second, other)]

    assert asyncio.run(play()) == [["a", "b", "c"], ["c"], ["d"]]


def test_what_several_threads_tell_is_heard_in_the_order_of_each() -> None:
    async def play() -> list[tuple[int, int]]:
        audience = Audience()
        seat = audience.join("roses")

        def tell(who: int) -> None:
            for number in range(100):
                audience.tell("roses", [(who, number)])

        threads = [threading.Thread(target=tell, args=(who,)) for who in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        return [await seat.heard(5) for _ in range(300)]

    heard = asyncio.run(play())
    assert sorted(heard) == [(who, number) for who in range(3) for number in range(100)]
    assert [[n for w, n in heard if w == who] for who in range(3)] == [list(range(100))] * 3


def test_nothing_is_kept_for_those_who_have_gone_even_if_nothing_is_told_any_more() -> None:
    async def play() -> int:
        audience = Audience()
        seat, other = audience.join("roses"), audience.join("roses")
        del seat
        gc.collect()
        assert len(audience._rows) == 1
        del other
        gc.collect()
        return len(audience._rows)

    assert asyncio.run(play()) == 0


def test_whoever_comes_after_the_end_is_let_go_at_once() -> None:
    async def play() -> list[str]:
        audience = Audience()
        audience.close()
        return await all_of(audience.join("roses"))

    assert asyncio.run(play()) == []


def test_silence_is_told_as_such() -> None:
    async def play() -> None:
        await Audience().join("roses").heard(0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(play())
