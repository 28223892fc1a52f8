import asyncio
import threading

import pytest

from carla_lite.wire.drawing import DrawingBoard

TIMEOUT_S = 30.0


def run(scenario, threads=2):
    async def main():
        board = DrawingBoard(threads)
        try:
            await asyncio.wait_for(scenario(board), TIMEOUT_S)
        finally:
            board.close()

    asyncio.run(main())


@pytest.mark.parametrize("threads", [1, 2])
def test_pictures_are_delivered_in_the_thread_of_the_loop(threads):
    async def scenario(board):
        delivered, drawn_in = {}, set()

        def drawing(number):
            drawn_in.add(threading.get_ident())
            return [bytes([number])]

        def deliver(number, payload):
            delivered[number] = (payload, threading.get_ident())

        for number in range(5):
            board.draw(number, lambda n=number: drawing(n), lambda payload, n=number: deliver(n, payload))
        await board.finished()
        assert delivered == {n: ([bytes([n])], threading.get_ident()) for n in range(5)}
        assert threading.get_ident() not in drawn_in

    run(scenario, threads)


def test_the_loop_goes_on_while_something_is_drawn():
    async def scenario(board):
        may_end, delivered = threading.Event(), []
        board.draw(7, lambda: [b""] if may_end.wait(TIMEOUT_S) else [], delivered.append)
        await asyncio.sleep(0)
        assert board.draws_for(7)
        assert not board.draws_for(8)
        assert delivered == []
        may_end.set()
        await board.finished()
        assert not board.draws_for(7)
        assert delivered == [[b""]]

    run(scenario)


def test_what_goes_wrong_while_drawing_is_raised_once_by_who_waits():
    async def scenario(board):
        def broken():
            raise ValueError("no such colour")

        board.draw(7, broken, lambda _: pytest.fail("there is nothing to deliver"))
        with pytest.raises(ValueError, match="no such colour"):
            await board.finished()
        await board.finished()
        assert not board.draws_for(7)

    run(scenario)
