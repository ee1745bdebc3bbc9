#!/usr/bin/python3
"""The MX hosts of the lab: accept every mail and keep it as a file.

sink.py MAILDIR ADDRESS... listens on port 25 of every address. A file of
MAILDIR holds one message: envelope and arrival address as its first lines,
then the message as it came.
"""

import asyncio
import itertools
import os
import sys

PORT = 25
COUNTER = itertools.count(1)
GREETING = b"220 sink.lab ESMTP\r\n"
OK = b"250 2.0.0 Ok\r\n"
LINE_MAX = 1 << 16


class Session:
    """One connection from an MTA."""

    def __init__(self, maildir, reader, writer):
        self.maildir = maildir
        self.reader = reader
        self.writer = writer
        self.sender = b""
        self.recipients = []

    async def run(self):
        """Answer commands until QUIT or the end of the connection."""
        self.writer.write(GREETING)
        while True:
            await self.writer.drain()
            line = await self.reader.readline()
            if not line:
                return
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                self.writer.write(b"221 2.0.0 Bye\r\n")
                await self.writer.drain()
                return
            await self.answer(verb, line)

    async def answer(self, verb, line):
        """One command other than QUIT."""
        if verb == b"DATA":
            self.writer.write(b"354 Go ahead\r\n")
            await self.writer.drain()
            self.keep(await self.message())
            self.writer.write(b"250 2.0.0 Kept\r\n")
            return
        argument = line.partition(b":")[2].strip()
        if verb == b"MAIL":
            self.sender, self.recipients = argument, []
        elif verb == b"RCPT":
            self.recipients.append(argument)
        elif verb == b"EHLO":
            self.writer.write(b"250-sink.lab\r\n250 8BITMIME\r\n")
            return
        self.writer.write(OK)

    async def message(self):
        """Everything up to the lonely dot."""
        lines = []
        while True:
            line = await self.reader.readline()
            if not line or line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def keep(self, message):
        """Write the message under its final name only when it is whole."""
        host = self.writer.get_extra_info("sockname")[0]
        path = os.path.join(self.maildir, f"{next(COUNTER):06}.eml")
        with open(path + ".tmp", "wb") as f:
            f.write(f"X-Sink: {host}\n".encode("ascii"))
            f.write(b"X-Sender: " + self.sender + b"\n")
            for recipient in self.recipients:
                f.write(b"X-Recipient: " + recipient + b"\n")
            f.write(message)
        os.rename(path + ".tmp", path)


async def main(maildir, addresses):
    """Serve for ever."""
    async def serve(reader, writer):
        try:
            await Session(maildir, reader, writer).run()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()
    servers = [await asyncio.start_server(serve, address, PORT,
                                          limit=LINE_MAX)
               for address in addresses]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: sink.py MAILDIR ADDRESS...")
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
