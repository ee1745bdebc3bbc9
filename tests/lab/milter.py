"""The MTA's side of the milter protocol: enough to ask a filter about
recipients without an MTA in between.

A packet is a 32-bit length, a command octet and data. Which commands the
filter wants, and which it answers, is agreed upon at the start.
"""

import socket
import struct

from process import LabError

VERSION = 6
# Actions: quarantine, choose macros.
ACTIONS = 0x20 | 0x100
# What a filter may decline to see or to answer: everything but recipients.
NO_RCPT, NR_RCPT = 0x8, 0x8000
PROTOCOL = 0x1FFFFF & ~(NO_RCPT | NR_RCPT)

NO_CONNECT, NO_HELO, NO_MAIL, NO_DATA = 0x1, 0x2, 0x4, 0x200
NR_CONNECT, NR_HELO, NR_MAIL, NR_DATA = 0x1000, 0x2000, 0x4000, 0x10000

CONTINUE, TEMPFAIL, REPLY, QUARANTINE, PROGRESS = b"c", b"t", b"y", b"q", b"p"


class MilterError(LabError):
    """The filter broke off or broke the protocol."""


class Answer:
    """What the filter said: a code octet and, for REPLY, its line."""

    def __init__(self, code, data=b""):
        self.code = code
        self.text = data.rstrip(b"\0").decode("ascii", "backslashreplace")

    def __str__(self):
        if self.code == REPLY:
            # The filter doubles each %, the MTA undoes that.
            return self.text.replace("%%", "%")
        names = {CONTINUE: "continue", TEMPFAIL: "tempfail",
                 QUARANTINE: "quarantine"}
        return names.get(self.code, repr(self.code))


def connect(spec, timeout_s):
    """A socket to inet:PORT@HOST, inet6:PORT@HOST or unix:PATH."""
    kind, _, rest = spec.partition(":")
    if kind == "unix":
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout_s)
        s.connect(rest)
        return s
    port, _, host = rest.partition("@")
    return socket.create_connection((host, int(port)), timeout_s)


class Session:
    """One SMTP session as the filter sees it."""

    def __init__(self, spec, timeout_s=30.0):
        self._socket = connect(spec, timeout_s)
        if self._socket.family != socket.AF_UNIX:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self.quarantined = None
        self._send(b"O", struct.pack(">III", VERSION, ACTIONS, PROTOCOL))
        command, data = self._receive()
        if command != b"O" or len(data) < 12:
            raise MilterError("no option negotiation")
        _, self.actions, self.protocol = struct.unpack(">III", data[:12])
        self._event(b"C", b"client.test\0" b"4" + struct.pack(">H", 4321)
                    + b"192.0.2.1\0", NO_CONNECT, NR_CONNECT)
        self._event(b"H", b"client.test\0", NO_HELO, NR_HELO)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _send(self, command, data=b""):
        self._socket.sendall(
            struct.pack(">I", 1 + len(data)) + command + data)

    def _receive(self):
        head = self._file.read(5)
        if len(head) < 5:
            raise MilterError("connection closed by the filter")
        length = struct.unpack(">I", head[:4])[0] - 1
        data = self._file.read(length)
        if len(data) < length:
            raise MilterError("connection closed inside a packet")
        return head[4:], data

    def answer(self):
        """Await the answer to what was sent."""
        while True:
            command, data = self._receive()
            if command == QUARANTINE:
                self.quarantined = data.rstrip(b"\0").decode()
            elif command != PROGRESS:
                return Answer(command, data)

    def _event(self, command, data, not_wanted, no_reply):
        if self.protocol & not_wanted:
            return None
        self._send(command, data)
        return None if self.protocol & no_reply else self.answer()

    def _macros(self, command, macros):
        octets = b"".join(name + b"\0" + value + b"\0"
                          for name, value in macros.items())
        self._send(b"D", command + octets)

    def mail(self, sender=b"<sender@home.test>"):
        """MAIL FROM."""
        self.quarantined = None
        self._macros(b"M", {b"{mail_addr}": sender.strip(b"<>")})
        return self._event(b"M", sender + b"\0", NO_MAIL, NR_MAIL)

    def rcpt(self, argument, macros=None):
        """RCPT TO with the octets after the colon; macros as the MTA's."""
        self.rcpt_send(argument, macros)
        return self.answer()

    def rcpt_send(self, argument, macros=None):
        """The same, and answer() is called later."""
        self._macros(b"R", macros or {})
        self._send(b"R", argument + b"\0")

    def end_of_message(self, queue_id=b""):
        """DATA and what ends it. Headers and body are not sent."""
        self._event(b"T", b"", NO_DATA, NR_DATA)
        self._macros(b"E", {b"i": queue_id} if queue_id else {})
        self._send(b"E")
        return self.answer()

    def abort(self):
        """RSET."""
        self._send(b"A")

    def close(self):
        """The client has gone."""
        try:
            self._send(b"Q")
        except OSError:
            pass
        self._file.close()
        self._socket.close()


def smtp_macros(domain):
    """What Postfix says at RCPT of a recipient that it routes by MX."""
    return {b"{rcpt_mailer}": b"smtp", b"{rcpt_host}": domain,
            b"{client_addr}": b"192.0.2.1"}
