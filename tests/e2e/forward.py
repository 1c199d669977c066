"""forward.py - carries connections to a server, and holds back what that says.

    forward.py --control PATH --to PORT|PATH [--space PID] [--port N]

It listens on the loopback, of the network namespace of process PID if one is named, and prints
"listening PORT". On the control socket: `delay MS`, of each piece that the server sends; `cut`, which
ends all connections; `turns`: how often the client spoke after it had listened.
"""

import argparse
import asyncio
import contextlib
import ctypes
import os
import socket

CLONE_NEWNET = 0x40000000


class Forward:
    def __init__(self, target):
        self.target = target
        self.delay_s = 0.0
        self.turns = 0
        self.writers = set()

    async def open(self):
        if self.target.isdigit():
            return await asyncio.open_connection("127.0.0.1", int(self.target))
        return await asyncio.open_unix_connection(self.target)

    async def carry(self, reader, writer, line, delayed):
        """Until the end of it, which is told as well. line: who of the two spoke last."""
        pieces = asyncio.Queue()
        now = asyncio.get_running_loop().time

        async def read():
            data = True
            while data:
                try:
                    data = await reader.read(65536)
                except OSError:
                    data = b""
                pieces.put_nowait((now() + (self.delay_s if delayed else 0), data))

        reading = asyncio.create_task(read())
        with contextlib.suppress(OSError):
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0, due - now()))
                if not data:
                    break
                self.turns += line["server"] and not delayed
                line["server"] = delayed
                writer.write(data)
                await writer.drain()
        reading.cancel()
        writer.close()

    async def serve(self, reader, writer):
        try:
            there = await self.open()
        except OSError:
            writer.close()
            return
        line, ends = {"server": True}, {writer, there[1]}
        self.writers |= ends
        await asyncio.gather(
            self.carry(reader, there[1], line, False), self.carry(there[0], writer, line, True)
        )
        self.writers -= ends

    async def control(self, reader, writer):
        while line := await reader.readline():
            word, _, value = line.decode().strip().partition(" ")
            said = "ok"
            if word == "delay":
                self.delay_s = int(value) / 1000
            elif word == "cut":
                for end in self.writers:
                    end.transport.abort()
            elif word == "turns":
                said = f"ok {self.turns}"
            else:
                said = "error delay MS, cut or turns"
            writer.write(f"{said}\n".encode())


def listener(port, space):
    """A socket belongs to the namespace in which it was made."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(pid):
        with open(f"/proc/{pid}/ns/net", "rb") as file:
            if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    if space:
        enter(space)
    sock = socket.create_server(("127.0.0.1", port))
    if space:
        enter(os.getppid())
    return sock


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--space", type=int)
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    forward = Forward(args.to)
    sock = listener(args.port, args.space)
    await asyncio.start_unix_server(forward.control, args.control)
    server = await asyncio.start_server(forward.serve, sock=sock)
    print("listening", sock.getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
