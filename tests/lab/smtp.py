"""An SMTP client that keeps the transcript.

Addresses and parameters are octets and go out as given: it is the server and
the filter behind it that are tested.
"""

import socket

from process import LabError


class SmtpError(LabError):
    """The server broke off or said what no SMTP server says."""


class Reply:
    """What the server said to one command."""

    def __init__(self, lines):
        self.lines = lines
        self.code = int(lines[0][:3])

    @property
    def accepted(self):
        """Whether it was a 2xx or 3xx reply."""
        return self.code < 400

    @property
    def text(self):
        """The lines joined as one, code first."""
        rest = [line[4:] for line in self.lines]
        return f"{self.code} " + " ".join(rest)


def printable(octets):
    """Octets as a line for a terminal."""
    return "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in octets)


class Client:
    """One SMTP session."""

    def __init__(self, address, port, timeout_s=60.0, echo=None):
        self.transcript = []
        self.echo = echo
        self._socket = socket.create_connection((address, port), timeout_s)
        self._file = self._socket.makefile("rb")
        self._expect(self._read())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _note(self, line):
        self.transcript.append(line)
        if self.echo:
            self.echo(line)

    def _read(self):
        lines = []
        while True:
            line = self._file.readline(4096)
            if not line.endswith(b"\n"):
                raise SmtpError("connection closed by the server")
            text = printable(line.rstrip(b"\r\n"))
            self._note("S: " + text)
            if len(text) < 3 or not text[:3].isdigit():
                raise SmtpError("not a reply: " + text)
            lines.append(text)
            if text[3:4] != "-":
                return Reply(lines)

    @staticmethod
    def _expect(reply):
        if not reply.accepted:
            raise SmtpError(reply.text)
        return reply

    def command(self, line):
        """Send one line of octets, without its end, and read the reply."""
        self._note("C: " + printable(line))
        self._socket.sendall(line + b"\r\n")
        return self._read()

    def hello(self, name=b"client.test"):
        """EHLO."""
        return self._expect(self.command(b"EHLO " + name))

    def mail_command(self, sender, params=b""):
        """MAIL FROM. Refusals are returned."""
        line = b"MAIL FROM:<" + sender + b">"
        if params:
            line += b" " + params
        return self.command(line)

    def mail(self, sender, params=b""):
        """MAIL FROM that must be accepted."""
        return self._expect(self.mail_command(sender, params))

    def rcpt(self, recipient):
        """RCPT TO with brackets put round. Refusals are returned."""
        return self.command(b"RCPT TO:<" + recipient + b">")

    def rcpt_raw(self, argument):
        """RCPT TO with any octets for an argument."""
        return self.command(b"RCPT TO:" + argument)

    def data(self, message):
        """DATA with a message; the reply to the final dot."""
        self._expect(self.command(b"DATA"))
        self._note(f"C: ({len(message)} octets of message)")
        body = message.replace(b"\r\n", b"\n").split(b"\n")
        if body[-1] == b"":
            body.pop()
        for line in body:
            dot = b"." if line.startswith(b".") else b""
            self._socket.sendall(dot + line + b"\r\n")
        return self.command(b".")

    def send(self, sender, recipient, message):
        """One message to one recipient. The reply to it, or the first
        refusal."""
        params = b"" if recipient.isascii() else b"SMTPUTF8"
        reply = self.mail_command(sender.encode(), params)
        if reply.accepted:
            reply = self.rcpt(recipient.encode())
        if reply.accepted:
            reply = self.data(message.encode())
        return reply

    def close(self):
        """QUIT if the server still listens, then close."""
        try:
            self.command(b"QUIT")
        except (OSError, SmtpError):
            pass
        self._file.close()
        self._socket.close()
