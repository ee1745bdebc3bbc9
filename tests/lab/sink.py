#!/usr/bin/python3
"""The MX hosts of the lab: accept every mail and keep it as a file.

sink.py [--tls CHAIN KEY] MAILDIR ADDRESS... listens on port 25 of every
address. A file of MAILDIR holds one message: how it came and its envelope as
the first lines, then the message.
"""

import argparse
import asyncio
import itertools
import os
import ssl

PORT = 25
GREETING = b"220 sink.lab ESMTP\r\n"
OK = b"250 2.0.0 Ok\r\n"
LINE_MAX = 1 << 16


class Session:
    """One connection from an MTA."""

    def __init__(self, maildir, tls, reader, writer):
        self.maildir = maildir
        self.tls = tls  # an ssl.SSLContext that was not used yet, or None
        self.reader = reader
        self.writer = writer
        self.sender = b""
        self.recipients = []
        self.lmtp = False

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
            if verb == b"STAR" and self.tls:
                await self.start_tls()
            else:
                await self.answer(verb, line)

    async def start_tls(self):
        """RFC 3207: what was said before is forgotten."""
        self.writer.write(b"220 2.0.0 Ready\r\n")
        await self.writer.drain()
        await self.writer.start_tls(self.tls)
        self.tls = None
        self.sender, self.recipients = b"", []

    async def answer(self, verb, line):
        """One command other than QUIT."""
        if verb == b"DATA":
            self.writer.write(b"354 Go ahead\r\n")
            await self.writer.drain()
            self.keep(await self.message())
            # LMTP: one reply for each recipient (RFC 2033, 4.2).
            replies = len(self.recipients) if self.lmtp else 1
            self.writer.write(b"250 2.0.0 Kept\r\n" * replies)
            return
        argument = line.partition(b":")[2].strip()
        if verb == b"MAIL":
            self.sender, self.recipients = argument, []
        elif verb == b"RCPT":
            self.recipients.append(argument)
        elif verb in (b"EHLO", b"LHLO"):
            self.lmtp = verb == b"LHLO"
            self.writer.write(b"250-sink.lab\r\n")
            if self.tls:
                self.writer.write(b"250-STARTTLS\r\n")
            self.writer.write(b"250-SMTPUTF8\r\n250 8BITMIME\r\n")
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
        tls = self.writer.get_extra_info("ssl_object")
        version = tls.version() if tls else "none"
        path = os.path.join(self.maildir, f"{next(COUNTER):06}.eml")
        with open(path + ".tmp", "wb") as f:
            f.write(f"X-Sink: {host}\nX-TLS: {version}\n".encode("ascii"))
            f.write(b"X-Sender: " + self.sender + b"\n")
            for recipient in self.recipients:
                f.write(b"X-Recipient: " + recipient + b"\n")
            f.write(message)
        os.rename(path + ".tmp", path)


def first_number(maildir):
    """After those that an earlier sink kept."""
    return 1 + max((int(name[:6]) for name in os.listdir(maildir)
                    if name[:6].isdigit()), default=0)


def tls_context(files):
    """None without files."""
    if files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


async def main(options):
    """Serve for ever."""
    tls = tls_context(options.tls)

    async def serve(reader, writer):
        try:
            await Session(options.maildir, tls, reader, writer).run()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
    servers = [await asyncio.start_server(serve, address, PORT,
                                          limit=LINE_MAX)
               for address in options.address]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tls", nargs=2, metavar=("CHAIN", "KEY"))
    parser.add_argument("maildir")
    parser.add_argument("address", nargs="+")
    arguments = parser.parse_args()
    COUNTER = itertools.count(first_number(arguments.maildir))
    asyncio.run(main(arguments))
