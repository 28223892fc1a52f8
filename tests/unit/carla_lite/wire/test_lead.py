import asyncio
import time

from carla_lite.wire import lead as module
from carla_lite.wire.fine_timers import FineTimersPolicy
from carla_lite.wire.lead import LEAD_S, TrafficManagerLead


def test_a_held_state_goes_out_after_the_lead():
    async def scenario():
        loop, lead = asyncio.get_running_loop(), TrafficManagerLead()
        sent = loop.create_future()
        start_s = loop.time()
        lead.hold(lambda: sent.set_result(loop.time()))
        assert not sent.done()
        assert await sent >= start_s + LEAD_S

    asyncio.run(scenario())


def test_the_lead_begins_when_whoever_holds_the_state_is_done():
    async def scenario():
        loop, lead = asyncio.get_running_loop(), TrafficManagerLead()
        sent = loop.create_future()
        lead.hold(lambda: sent.set_result(loop.time()))
        time.sleep(4.0 * LEAD_S)  # as drawing a picture keeps the loop
        done_s = loop.time()
        assert await sent >= done_s + LEAD_S

    asyncio.run(scenario())


def test_a_question_for_the_settings_begins_the_lead_anew_but_not_for_ever(monkeypatch):
    """With a lead so long that no busy machine takes the processor away for all of it."""
    lead_s = 0.3
    monkeypatch.setattr(module, "LEAD_S", lead_s)
    monkeypatch.setattr(module, "_LONGEST_S", 4.0 * lead_s)

    async def scenario():
        loop, lead = asyncio.get_running_loop(), TrafficManagerLead()
        sent = loop.create_future()
        lead.hold(lambda: sent.set_result(loop.time()))
        await asyncio.sleep(0.0)
        asked_s = loop.time()
        lead.settings_asked()
        assert await sent >= asked_s + lead_s
        sent = loop.create_future()
        lead.hold(lambda: sent.set_result(None))
        while not sent.done():  # as a client does that asks without a pause
            lead.settings_asked()
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 30.0))


def test_a_second_state_sends_the_first_on_its_way():
    async def scenario():
        lead, sent = TrafficManagerLead(), []
        lead.hold(lambda: sent.append(1))
        lead.hold(lambda: sent.append(2))
        assert sent == [1]
        lead.release()
        lead.release()
        assert sent == [1, 2]

    asyncio.run(scenario())


def test_asking_for_the_settings_with_nothing_held_does_nothing():
    async def scenario():
        TrafficManagerLead().settings_asked()

    asyncio.run(scenario())


def test_timers_shorter_than_a_millisecond_neither_come_early_nor_starve_sockets():
    async def scenario():
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda _, writer: writer.write(b"x"), "127.0.0.1", 0)
        start_s = loop.time()
        for _ in range(10):
            await asyncio.sleep(0.0003)
        assert loop.time() - start_s >= 10 * 0.0003 - 1e-4
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await asyncio.wait_for(reader.readexactly(1), 30.0) == b"x"
        writer.close()
        server.close()

    loop = FineTimersPolicy().new_event_loop()
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
