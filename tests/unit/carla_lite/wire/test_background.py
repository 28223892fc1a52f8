import asyncio
import threading

import pytest

from carla_lite.wire.background import Background


def test_what_the_work_returns_or_raises_is_handed_on():
    async def ask() -> int:
        background = Background()
        with pytest.raises(ZeroDivisionError):
            await background.run(lambda: 1 // 0)
        return sum(await asyncio.gather(*(background.run(lambda n=n: n) for n in range(20))))

    assert asyncio.run(ask()) == 190


def test_work_that_does_not_end_holds_up_neither_the_loop_nor_its_end():
    let_go, ended = threading.Event(), threading.Event()

    def work() -> None:
        let_go.wait(60.0)
        ended.set()

    async def begin() -> None:
        asking = asyncio.create_task(Background().run(work))
        await asyncio.sleep(0.01)
        asking.cancel()

    asyncio.run(begin())
    assert not ended.is_set()
    let_go.set()
    assert ended.wait(60.0)


def test_only_a_few_pieces_of_work_run_at_once_even_when_their_callers_leave():
    let_go, running = threading.Event(), []

    def work() -> None:
        running.append(threading.get_ident())
        let_go.wait(60.0)

    async def storm() -> int:
        background = Background()
        for _ in range(10):
            asking = [asyncio.create_task(background.run(work)) for _ in range(5)]
            await asyncio.sleep(0.01)
            for each in asking:
                each.cancel()
        while len(running) < 4:  # threads begin when the machine lets them
            await asyncio.sleep(0.01)
        begun = len(running)
        let_go.set()
        await background.run(lambda: None)
        return begun

    assert asyncio.run(storm()) == 4
