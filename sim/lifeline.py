"""Processes that meet at an address watch each other: a connection that breaks tells at once who is gone.

XLA's own word of it comes late, and where its coordinator is gone, with process 0, it ends the others by itself, with a
trace of its stack, whatever it is asked.  So what it says to the coordinator goes through connections of ours, which it
does not see break before we have.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress

from sim.errors import SimError
from sim.subprocesses import free_port

_HERE = "127.0.0.1"
_CHUNK = 1 << 16
# A connection's first line; of those that watch, the process's number follows.
_WATCHES, _RELAYS = b"watch", b"relay"

_SECONDS_BETWEEN_TRIES = 0.2
_SECONDS_TO_REACH = 10.0
_SECONDS_AHEAD_OF_XLA = 5.0
# A host that is gone closes no connection: silence, by TCP's own questions, is its end after half a minute.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}


class Lifeline:
    """One process's end of it: process 0 has a connection to each of the others, and each of these has that one.

    The first that breaks before `release` ends all: `lost`, which doesn't return, is called with whose it was.
    address: where this process finds XLA's coordinator; of process 0, where it is to be.
    """

    def __init__(self, coordinator: str, process: int, lost: Callable[[int], None]) -> None:
        host, _, port = coordinator.rpartition(":")
        self._process, self._lost, self._released = process, lost, False
        self._watched: dict[int, StreamWriter] = {}
        if process == 0:
            listener = _listening(int(port))
            self._beyond = (_HERE, free_port())
            self.address = f"{_HERE}:{self._beyond[1]}"
        else:
            listener = socket.create_server((_HERE, 0))
            self._beyond = (host, int(port))
            self.address = f"{_HERE}:{listener.getsockname()[1]}"
        self._loop, self._closed = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(listener,), name="lifeline", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """From now on who goes may go.  By every process, before the first one goes."""
        self._released = True

    def close(self) -> None:
        """XLA is done with its connections too."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live(listener))

    async def _live(self, listener: socket.socket) -> None:
        async with await asyncio.start_server(self._serve, sock=listener):
            # Named, for the loop alone keeps no task from being collected.
            watching = self._loop.create_task(self._watch()) if self._process else None
            await self._closed.wait()
            del watching

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        # That it was cancelled, at the end, asyncio would print.
        with suppress(asyncio.CancelledError):
            await (self._relay if self._process else self._meet)(reader, writer)
        writer.close()

    async def _meet(self, reader: StreamReader, writer: StreamWriter) -> None:
        """In process 0, somebody's connection."""
        with suppress(OSError, ValueError, asyncio.LimitOverrunError):
            what, *number = (await reader.readline()).split()
            if what == _RELAYS:
                await self._relay(reader, writer)
            elif what == _WATCHES:
                _keep_asking(writer)
                self._watched[int(number[0])] = writer
                await _until_broken(reader)
                self._miss(int(number[0]))

    async def _watch(self) -> None:
        """In another process, process 0's; before it breaks, it may say who else is gone."""
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(*self._beyond)
                break
            await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        _keep_asking(writer)
        writer.write(b"%s %d\n" % (_WATCHES, self._process))
        said = await _until_broken(reader)
        self._miss(int(said) if said.strip().isdigit() else 0)

    def _miss(self, process: int) -> None:
        if self._released:
            return
        for writer in self._watched.values():
            writer.write(b"%d\n" % process)
        self._lost(process)

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Pass on what XLA says, and what it is answered."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_REACH):
                there_reader, there_writer = await self._reach()
            if self._process:
                there_writer.write(_RELAYS + b"\n")
            said = asyncio.create_task(_pass_on(reader, there_writer))
            heard = asyncio.create_task(_pass_on(there_reader, writer))
            await asyncio.wait((said, heard), return_when=asyncio.FIRST_COMPLETED)
            if heard.done() and not self._released:
                await asyncio.sleep(_SECONDS_AHEAD_OF_XLA)
            there_writer.close()

    async def _reach(self) -> tuple[StreamReader, StreamWriter]:
        """The next one on the way to the coordinator, which may be about to start."""
        while True:
            try:
                return await asyncio.open_connection(*self._beyond)
            except OSError:
                await asyncio.sleep(_SECONDS_BETWEEN_TRIES)


def _listening(port: int) -> socket.socket:
    """Raises SimError where process 0 can't."""
    both = socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            ("", port), family=socket.AF_INET6 if both else socket.AF_INET, backlog=1024, dualstack_ipv6=both
        )
    except OSError as error:
        raise SimError(
            f"process 0 can't listen at port {port} of --coordinator: {error.strerror}; "
            f"end what does (ss -ltnp shows it), or have all processes meet at another port"
        ) from None


def _keep_asking(writer: StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _until_broken(reader: StreamReader) -> bytes:
    """The first line that comes, or nothing where there is no other end any more."""
    with suppress(OSError, ValueError):
        return await reader.readline()
    return b""


async def _pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
