"""What etc/exim.conf has Exim do, without Exim: the request octet by octet, the
connection half closed after it, and the expressions that take the reply apart.
"""

import os
import re
import socket

from process import LabError

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def sample():
    """The text of etc/exim.conf."""
    with open(os.path.join(TOP, "etc", "exim.conf"), encoding="utf-8") as f:
        return f.read()


def find(pattern, text, what):
    """The first group of a pattern that must be there."""
    found = re.search(pattern, text)
    if not found:
        raise LabError(f"etc/exim.conf: no {what}")
    return found.group(1)


def protected(text, before):
    r"""The octets between \N and \N that follow."""
    return find(re.escape(before) + r".*?\\N(.*?)\\N", text, before)


def ask(domain, place):
    """Level and text of the answer about a domain. place: where the lab's
    daemon listens in place of the sample's address."""
    text = sample()
    request = find(r"\$\{readsocket\{inet:127\.0\.0\.1:9478\}\{(.*?)\}\{", text,
                   "readsocket")
    request = request.replace(r"\r", "\r").replace(r"\n", "\n")
    with socket.create_connection(place, timeout=10) as s:
        s.sendall(request.replace("$domain", domain).encode("ascii"))
        s.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: s.recv(4096), b"")).decode("ascii")
    body = re.sub(protected(text, "DANE_STS_ASK ="), "", reply)
    # ${extract json{tls}...} and ${extract jsons{level}...}
    tls = find(r'"tls":(\{.*?\})\}', body, "answer with tls")
    level = find(r'"level":"([^"]*)"', tls, "level")
    words = find(protected(text, "DANE_STS_TEXT ="), tls, "answer")
    names = re.search(protected(text, "DANE_STS_NAMES ="), words)
    return level, words, names.group(1) if names else ""
