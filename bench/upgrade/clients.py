#!/usr/bin/python3
"""The clients of bench/upgrade, and the server behind: one process, so that nobody else delays them.

    clients.py server PORT
    clients.py load PORT SESSIONS CONNECTS_PER_SECOND

The server answers each line with the same line. The load has so many sessions that say something once a
second, and connects so often, writes one line, reads the answer and leaves. Standard input: "replace N"
ends the N oldest sessions and opens as many; "end" ends all and prints what happened, as JSON.
"""

import asyncio
import collections
import json
import sys
import time

HOST = "127.0.0.1"
PATIENCE = 5  # seconds; who waits longer has failed


async def serve(port):
    async def echo(reader, writer):
        try:
            while line := await reader.readline():
                writer.write(line)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, HOST, port, backlog=4096)
    await server.serve_forever()


class Load:
    def __init__(self, port, connects_per_second):
        self.port, self.period = port, 1 / connects_per_second
        self.found = collections.Counter()
        self.connect_times, self.answer_times = [], []
        self.errors = collections.Counter()
        self.sessions = collections.deque()

    async def exchange(self, reader, writer, text):
        writer.write(text + b"\n")
        return await asyncio.wait_for(reader.readline(), PATIENCE) == text + b"\n"

    async def visit(self, number):
        began = time.monotonic()
        self.found["connects"] += 1
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(HOST, self.port), PATIENCE)
            if not await self.exchange(reader, writer, b"%d" % number):
                raise ConnectionError("closed before the answer")
            self.connect_times.append(time.monotonic() - began)
            writer.close()
        except (OSError, asyncio.TimeoutError) as error:
            self.found["failed_connects"] += 1
            self.errors[str(error) or type(error).__name__] += 1

    async def visits(self):
        began, number, under_way = time.monotonic(), 0, set()
        try:
            while True:
                task = asyncio.create_task(self.visit(number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
                await asyncio.sleep(max(0, began + number * self.period - time.monotonic()))
        finally:
            await asyncio.gather(*under_way)

    async def stay(self, ready, leaves):
        try:
            reader, writer = await asyncio.open_connection(HOST, self.port)
            number = 0
            while not leaves.is_set():
                began = time.monotonic()
                if not await self.exchange(reader, writer, b"session %d" % number):
                    raise ConnectionError("the session was closed")
                if number:  # the first one has the connect in it
                    self.answer_times.append(time.monotonic() - began)
                number += 1
                ready.set()
                try:
                    await asyncio.wait_for(leaves.wait(), 1)
                except asyncio.TimeoutError:
                    pass
            writer.close()
        except (OSError, asyncio.TimeoutError) as error:
            self.found["cut_sessions"] += 1
            self.errors[str(error) or type(error).__name__] += 1
            ready.set()

    async def open(self, count):
        """Over a second, so that they do not speak all at once."""
        readies = []
        for number in range(count):
            ready, leaves = asyncio.Event(), asyncio.Event()
            self.sessions.append((asyncio.create_task(self.stay(ready, leaves)), leaves))
            self.found["sessions"] += 1
            readies.append(ready.wait())
            if number % 10 == 9:
                await asyncio.sleep(10 / max(count, 100))
        await asyncio.gather(*readies)

    async def close(self, count):
        ending = [self.sessions.popleft() for _ in range(count)]
        for _, leaves in ending:
            leaves.set()
        await asyncio.gather(*(task for task, _ in ending))

    def result(self):
        return {**self.found, "errors": self.errors,
                "longest_connect_ms": max(self.connect_times, default=0) * 1e3,
                "median_connect_ms": sorted(self.connect_times)[len(self.connect_times) // 2] * 1e3,
                "longest_answer_ms": max(self.answer_times, default=0) * 1e3}


async def load(port, sessions, connects_per_second):
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    whole = Load(port, connects_per_second)
    await whole.open(sessions)
    visits = asyncio.create_task(whole.visits())
    print("ready", flush=True)
    while (words := (await lines.readline()).split()) and words[0] == b"replace":
        await whole.close(int(words[1]))
        await whole.open(int(words[1]))
        print("replaced", flush=True)
    visits.cancel()
    await asyncio.gather(visits, return_exceptions=True)
    await whole.close(len(whole.sessions))
    print(json.dumps(whole.result()), flush=True)


if __name__ == "__main__":
    what, *numbers = sys.argv[1], *map(int, sys.argv[2:])
    asyncio.run({"server": serve, "load": load}[what](*numbers))
