#!/usr/bin/env python3
"""delay.py LISTEN TARGET MILLISECONDS: a TCP proxy on loopback that hands everything on after half the delay each way."""
import asyncio
import sys

listen, target, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 2000


async def pump(reader, writer):
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def hand_on():
        while True:
            at, data = await queue.get()
            await asyncio.sleep(max(0, at - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.create_task(hand_on())
    try:
        while data := await reader.read(1 << 16):
            queue.put_nowait((loop.time() + delay, data))
    except ConnectionError:
        pass
    queue.put_nowait((loop.time() + delay, b""))
    try:
        await task
    except ConnectionError:
        pass


async def serve(reader, writer):
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", target)
    await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", listen)
    await server.serve_forever()


asyncio.run(main())
