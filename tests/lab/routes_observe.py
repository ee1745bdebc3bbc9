"""Looks on where mail goes, for routes.py: MX hosts on many addresses, and a
relay before the daemon's policy_socket that writes down what is asked.

All of it runs on one event loop, in a thread of its own.
"""

import asyncio
import os
import re
import threading

import sink

TOKEN = re.compile(rb"^X-Route: (\S+)", re.MULTILINE)
KEY_MAX = 4096


class _Session(sink.Session):
    """Notes where a message came in instead of keeping it."""

    def __init__(self, seen, place, reader, writer):
        super().__init__(None, None, reader, writer)
        self.seen = seen
        self.place = place

    def keep(self, message):
        token = TOKEN.search(message)
        if token is not None:
            self.seen.append((token.group(1).decode(), self.place))


async def read_netstring(reader):
    """Its contents; None at the end of the connection."""
    head = await reader.readuntil(b":")
    text = await reader.readexactly(int(head[:-1]) + 1)
    return text[:-1]


def netstring(text):
    """As socketmap_table(5) has it."""
    return b"%d:%s," % (len(text), text)


class Observer:
    """seen: (token of a message, place); asked: (where, key, answer)."""

    def __init__(self):
        self.seen = []
        self.asked = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(
            coroutine, self._loop).result(10)

    # --- MX hosts

    def _server(self, place):
        async def serve(reader, writer):
            try:
                await _Session(self.seen, place, reader, writer).run()
            except (OSError, ValueError):
                pass
            finally:
                writer.close()
        return serve

    def listen(self, address, port, place):
        """Take mail by SMTP, or LMTP if the client greets so."""
        self._do(asyncio.start_server(self._server(place), address, port))

    def listen_unix(self, path, place):
        """The same on a unix socket."""
        self._do(asyncio.start_unix_server(self._server(place), path))
        os.chmod(path, 0o666)

    def relay_unix(self, path, target):
        """Relay a unix socket to target, inet:PORT@HOST."""
        port, _, host = target.partition(":")[2].partition("@")

        async def copy(reader, writer):
            try:
                while octets := await reader.read(KEY_MAX):
                    writer.write(octets)
            except OSError:
                pass
            finally:
                writer.close()

        async def serve(reader, writer):
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(copy(reader, back), copy(there, writer))
        self._do(asyncio.start_unix_server(serve, path))
        os.chmod(path, 0o666)

    # --- the map

    def relay_map(self, address, port, where, target):
        """Relay a socketmap to target, (address, port)."""
        async def serve(reader, writer):
            answers, questions = await asyncio.open_connection(*target)
            try:
                while True:
                    question = await read_netstring(reader)
                    questions.write(netstring(question))
                    answer = await read_netstring(answers)
                    self._note(where, question, answer)
                    writer.write(netstring(answer))
            except (OSError, EOFError):
                pass
            finally:
                questions.close()
                writer.close()
        self._do(asyncio.start_server(serve, address, port, limit=KEY_MAX))

    def _note(self, where, question, answer):
        key = question.partition(b" ")[2].decode("utf-8", "backslashreplace")
        self.asked.append((where, key, answer.split(b" ")[0].decode()))
