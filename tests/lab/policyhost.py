#!/usr/bin/python3
"""HTTPS policy hosts for tests, well behaved and hostile.

    server = PolicyHost(Authority("ca"), ["127.80.0.1:443", "[::1]:443"])
    server.set({"mta-sts.example.org": {"body": "version: STSv1..."}})
    server.start()
    server.count("mta-sts.example.org")["requests"]

    policyhost.py --ca DIR --listen ADDRESS:PORT... --control SOCKET
                  [--hosts FILE.json] [--catalogue SUFFIX] [--until-eof]

One process serves all hosts on all addresses. The behaviour is chosen by the
server name of the ClientHello, before the handshake is answered; "*" is for
names that nobody set. Members of a behaviour, all optional:

    cert        a kind of ca.KINDS ("good")
    tls         ["1.0", "1.1"]: lowest and highest version
    act         a key of ACTS ("answer")
    status      200
    headers     [["Name", "value"], ...] beside Content-Type
    type        the Content-Type ("text/plain"); null: none
    body        text, octets as ISO 8859-1; the default is a good policy
    body_size   instead: so many octets
    framing     length, chunked, close, short, chunked-cut ("length")
    raw         the whole response as text, instead of all that
    close       wait (for the client), notify, late (wait, then notify),
                bare (no close_notify)
    path        answered ("/.well-known/mta-sts.txt"); others are 404

CATALOGUE has a behaviour of each sort by name; with --catalogue SUFFIX it is
served as mta-sts.NAME.SUFFIX. The control socket takes one JSON object a line
and answers with one when it is done:

    {"set": {HOST: BEHAVIOUR, ...}}   adds or replaces   -> {"ok": true}
    {"reload": true}                  reads --hosts anew
    {"count": HOST}     -> {"ok": true, "connections": 1, "requests": 1, ...}
    {"wait": HOST, "requests": 1}     until there were so many
    {"peak": true}      -> {"ok": true, "peak": most connections at a time}
    {"last": HOST}      -> {"ok": true, "request": text, "alpn": [...], ...}
    {"zero": true}                    forgets all counts
"""

import argparse
import collections
import fcntl
import gzip
import json
import os
import select
import socket
import ssl
import struct
import sys
import termios
import threading
import time
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ca import KINDS, Authority  # noqa: E402

PATH = "/.well-known/mta-sts.txt"
WAIT_S = 60  # longest wait for a client or a count: a test has failed by then
DRIP_S = 0.02

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


# --- behaviours --------------------------------------------------------------


def policy_body(host):
    domain = host.partition(".")[2]
    return (
        "version: STSv1\r\nmode: enforce\r\n"
        f"mx: mx.{domain}\r\nmax_age: 86400\r\n"
    )


def _answer(*head, body="", end="\r\n\r\n"):
    return {"raw": "\r\n".join(head) + end + body, "close": "notify"}


def _type(value):
    return {"type": value}


GZIPPED = gzip.compress(policy_body("mta-sts.x.test").encode(), mtime=0)
OK = "HTTP/1.1 200 OK"
PLAIN = "Content-Type: text/plain"
LONG_LINE = "X-Filler: " + 4000 * "x"

CATALOGUE = {
    # what must work
    "ok": {},
    "ok-parameters": _type("text/plain; charset=utf-8; format=flowed"),
    "ok-charset": _type("text/plain; charset=iso-8859-1"),
    "ok-case": _type("TEXT/Plain ;x=y"),
    "ok-chunked": {"framing": "chunked"},
    "ok-trailer": _answer(
        OK, PLAIN, "Transfer-Encoding: chunked",
        body="4\r\nbody\r\n0\r\nContent-Type: text/html\r\n\r\n",
    ),
    "ok-close": {"framing": "close", "close": "notify"},
    "ok-late": {"close": "late"},
    "ok-http10": _answer("HTTP/1.0 200 OK", PLAIN, body="body"),
    "ok-no-reason": _answer("HTTP/1.1 200", PLAIN, body="body"),
    "ok-lf": _answer(OK + "\nContent-Type:text/plain", end="\n\n", body="body"),
    "ok-interim": _answer(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints",
        "Content-Type: text/html\r\n\r\n" + OK, PLAIN, body="body",
    ),
    "ok-identity": {"headers": [["Content-Encoding", "Identity"]]},
    "ok-empty": {"body": ""},
    "ok-exact": {"body_size": 65536},
    "ok-tls12": {"tls": ["1.2", "1.2"]},
    "ok-cookie": {"headers": [
        ["Set-Cookie", "a=b; Path=/; Secure"],
        ["Alt-Svc", 'h2=":8443"; ma=86400'],
        ["ETag", '"1"'], ["Cache-Control", "max-age=86400"],
    ]},
    # status
    **{f"status-{code}": {"status": code}
       for code in (201, 202, 203, 204, 206, 304, 404, 410, 429, 500, 503)},
    **{f"redirect-{code}": {
        "status": code, "headers": [["Location", PATH + "?again"]]}
       for code in (301, 302, 303, 307, 308)},
    "auth-401": {"status": 401, "headers": [
        ["WWW-Authenticate", "Negotiate"], ["WWW-Authenticate", "NTLM"],
        ["WWW-Authenticate", 'Basic realm="x"'],
    ]},
    "status-long": _answer("HTTP/1.1 2000 OK", PLAIN, body="body"),
    "status-none": _answer("HTTP/1.1 OK", PLAIN, body="body"),
    "switch-101": _answer(
        "HTTP/1.1 101 Switching Protocols", "Upgrade: h2c", PLAIN, body="body"),
    # media type and codings
    "type-missing": _type(None),
    "type-empty": _type(""),
    "type-html": _type("text/html; charset=utf-8"),
    "type-longer": _type("text/plainer"),
    "type-shorter": _type("text/plai"),
    "type-comma": _type("text/plain, text/plain"),
    "type-octets": _type("text/\x1b[31m\xff"),
    "type-several": {"headers": [["Content-Type", "text/plain"]]},
    "type-folded": _answer(OK, PLAIN, "  , text/html", body="body"),
    "encoding-gzip": {
        "headers": [["Content-Encoding", "gzip"]],
        "body": GZIPPED.decode("latin-1"),
    },
    "transfer-gzip": _answer(
        OK, PLAIN, "Transfer-Encoding: gzip", body=GZIPPED.decode("latin-1")),
    # size
    "big-length": {"body_size": 65537},
    "big-chunked": {"body_size": 65537, "framing": "chunked"},
    "big-close": {"body_size": 65537, "framing": "close", "close": "notify"},
    "endless-body": {"act": "endless-body"},
    "endless-interim": {"act": "endless-interim"},
    "head-lines": _answer(OK, PLAIN, *(100 * [LONG_LINE]), body="body"),
    "head-line": _answer(OK, PLAIN, "X: " + 400000 * "x", body="body"),
    # truncation
    "short-notify": {"framing": "short", "close": "notify"},
    "short-bare": {"framing": "short", "close": "bare"},
    "close-bare": {"framing": "close", "close": "bare"},
    "length-overflow-bare": {
        **_answer(OK, PLAIN, "Content-Length: 99999999999999999999",
                  body="body"),
        "close": "bare",
    },
    "chunked-cut-notify": {"framing": "chunked-cut", "close": "notify"},
    "chunked-cut-bare": {"framing": "chunked-cut", "close": "bare"},
    "head-cut-notify": _answer(OK, PLAIN, end="\r\n"),
    "head-cut-bare": {**_answer(OK, PLAIN, end="\r\n"), "close": "bare"},
    "head-cut-line": _answer(OK, "Content-Type: text/pl", end=""),
    "nothing-notify": {"raw": "", "close": "notify"},
    "nothing-bare": {"raw": "", "close": "bare"},
    # not HTTP, not TLS
    "http09": {"raw": "version: STSv1\n", "close": "notify"},
    "garbage": {"raw": "\x00\xff\x80garbage\r\n" * 20, "close": "notify"},
    "length-negative": _answer(OK, PLAIN, "Content-Length: -5", body="body"),
    "plain-http": {"act": "plain-http"},
    "tls10": {"tls": ["1.0", "1.0"]},
    "tls11": {"tls": ["1.0", "1.1"]},
    # silence and noise
    "reset-accept": {"act": "reset-accept"},
    "reset-request": {"act": "reset-request"},
    "reset-body": {"act": "reset-body"},
    "stall-accept": {"act": "stall-accept"},
    "stall-handshake": {"act": "stall-handshake"},
    "stall-request": {"act": "stall-request"},
    "stall-body": {"act": "stall-body"},
    "drip-head": {"act": "drip-head"},
    "drip-body": {"act": "drip-body"},
    **{f"cert-{kind}": {"cert": kind} for kind in KINDS},
}


# --- a connection ------------------------------------------------------------


class Hello:
    """What is read of a ClientHello (RFC 8446 4.1.2)."""

    def __init__(self, record):
        self.server_name = ""
        self.alpn = []
        at = 5 + 4 + 2 + 32  # record, handshake header, version, random
        at += 1 + record[at]  # session id
        at += 2 + struct.unpack_from(">H", record, at)[0]  # ciphers
        at += 1 + record[at]  # compression
        at += 2
        while at + 4 <= len(record):
            kind, size = struct.unpack_from(">HH", record, at)
            self._extension(kind, record[at + 4 : at + 4 + size])
            at += 4 + size

    def _extension(self, kind, data):
        if kind == 0:  # server_name (RFC 6066 3)
            self.server_name = data[5:].decode("ascii", "replace")
        elif kind == 16:  # ALPN (RFC 7301 3.1)
            at = 2
            while at < len(data):
                end = at + 1 + data[at]
                self.alpn.append(data[at + 1 : end].decode("latin-1"))
                at = end


def peek_hello(sock):
    """Leaves the octets where they are; None if it is no ClientHello."""
    flags = socket.MSG_PEEK | socket.MSG_WAITALL
    head = sock.recv(5, flags)
    if len(head) < 5 or head[0] != 22:
        return None
    size = 5 + struct.unpack(">H", head[3:])[0]
    try:
        return Hello(sock.recv(size, flags))
    except (IndexError, struct.error):
        return None


def drain(sock):
    """Until the client has gone away."""
    while sock.recv(4096):
        pass


def wait_unread(sock):
    """Until the client has gone away, without reading what it sent."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    poll.poll(1000 * WAIT_S)


def reset(sock):
    sock.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


def drip(sock, text):
    while True:
        for octet in text:
            sock.sendall(octet.encode("latin-1"))
            time.sleep(DRIP_S)


def read_request(tls):
    request = b""
    while b"\r\n\r\n" not in request:
        more = tls.recv(4096)
        if not more or len(request) > 65536:
            return None
        request += more
    return request.decode("latin-1")


def response(host, behaviour):
    """The octets of an orderly response, or of one cut off."""
    if "raw" in behaviour:
        return behaviour["raw"].encode("latin-1")
    size = behaviour.get("body_size")
    body = behaviour.get("body", policy_body(host))
    if size is not None:
        body = size * "x"
    framing = behaviour.get("framing", "length")
    headers = list(behaviour.get("headers", []))
    if behaviour.get("type", "text/plain") is not None:
        headers.insert(
            0, ["Content-Type", behaviour.get("type", "text/plain")]
        )
    if framing in ("length", "short"):
        extra = 10 if framing == "short" else 0
        headers.append(["Content-Length", str(len(body) + extra)])
    elif framing in ("chunked", "chunked-cut"):
        headers.append(["Transfer-Encoding", "chunked"])
        half = len(body) // 2
        parts = [part for part in (body[:half], body[half:]) if part]
        body = "".join(f"{len(part):x}\r\n{part}\r\n" for part in parts)
        body += "0\r\n\r\n" if framing == "chunked" else ""
    lines = [f"HTTP/1.1 {behaviour.get('status', 200)} Text"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def finish(tls, how):
    if how == "bare":
        tls.shutdown(socket.SHUT_WR)
        drain(tls)
    elif how == "notify":
        tls.unwrap()
    elif how == "late":
        drain(tls)
        time.sleep(0.05)
        tls.unwrap()
    else:
        drain(tls)


def act_answer(tls, host, behaviour):
    tls.sendall(response(host, behaviour))
    finish(tls, behaviour.get("close", "wait"))


def act_stall(tls, _host, _behaviour):
    drain(tls)


def act_reset_request(tls, _host, _behaviour):
    reset(tls)


def _half_a_body():
    return f"{OK}\r\n{PLAIN}\r\nContent-Length: 1000\r\n\r\nversion"


def _unacknowledged(sock):
    octets = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    return struct.unpack("i", octets)[0]


def act_reset_body(tls, host, behaviour):
    tls.sendall(_half_a_body().encode())
    # The reset must not overtake what was sent.
    while _unacknowledged(tls) > 0:
        time.sleep(0.001)
    reset(tls)


def act_stall_body(tls, _host, _behaviour):
    tls.sendall(_half_a_body().encode())
    drain(tls)


def act_drip_head(tls, _host, _behaviour):
    tls.sendall(f"{OK}\r\n".encode())
    drip(tls, "X: y\r\n")


def act_drip_body(tls, _host, _behaviour):
    tls.sendall(f"{OK}\r\n{PLAIN}\r\nContent-Length: 60000\r\n\r\n".encode())
    drip(tls, "mx: mx.example.org\r\n")


def act_endless_body(tls, _host, _behaviour):
    tls.sendall(f"{OK}\r\n{PLAIN}\r\n\r\n".encode())
    while True:
        tls.sendall(16384 * b"x")


def act_endless_interim(tls, _host, _behaviour):
    while True:
        tls.sendall(1000 * b"HTTP/1.1 102 Processing\r\n\r\n")


# What is done with a connection once the request was read.
ACTS = {
    "answer": act_answer,
    "stall-request": act_stall,
    "stall-body": act_stall_body,
    "reset-request": act_reset_request,
    "reset-body": act_reset_body,
    "drip-head": act_drip_head,
    "drip-body": act_drip_body,
    "endless-body": act_endless_body,
    "endless-interim": act_endless_interim,
}


# What is done with one before TLS.
def early_plain_http(sock):
    sock.sendall(f"{OK}\r\n{PLAIN}\r\n\r\nbody".encode())
    drain(sock)


EARLY_ACTS = {
    "reset-accept": reset,
    "stall-accept": drain,
    "plain-http": early_plain_http,
}


# --- the server --------------------------------------------------------------


def parse_address(text):
    """What "127.0.0.1:443" and "[::1]:443" mean to bind()."""
    host, _, port = text.rpartition(":")
    family = socket.AF_INET
    if host.startswith("["):
        family, host = socket.AF_INET6, host[1:-1]
    return family, (host, int(port))


class PolicyHost:
    """All policy hosts of a test. Any thread may call any method."""

    def __init__(self, authority, addresses, hosts=None):
        self.authority = authority
        self.addresses = addresses
        self.hosts = dict(hosts or {})
        self.changed = threading.Condition()  # guards what follows
        self.counts = collections.defaultdict(collections.Counter)
        self.requests = {}
        self.contexts = {}
        self.active = 0
        self.peak = 0
        self.listeners = []

    def start(self):
        """All addresses are bound when this returns."""
        for text in self.addresses:
            family, address = parse_address(text)
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(
                    socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1
                )
            listener.bind(address)
            listener.listen(1024)
            self.listeners.append(listener)
        for listener in self.listeners:
            self._spawn(self._accept, listener)

    def stop(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.listeners = []

    def set(self, hosts):
        with self.changed:
            self.hosts.update(hosts)

    def count(self, host):
        """connections, handshakes, requests."""
        with self.changed:
            return {
                name: self.counts[host][name]
                for name in ("connections", "handshakes", "requests")
            }

    def wait(self, host, **numbers):
        """Until each count is reached; False: too late."""
        with self.changed:
            return self.changed.wait_for(
                lambda: all(
                    self.counts[host][name] >= number
                    for name, number in numbers.items()
                ),
                WAIT_S,
            )

    def last(self, host):
        """The last request: request, server_name, alpn, tls, resumed."""
        with self.changed:
            return self.requests.get(host)

    def zero(self):
        with self.changed:
            self.counts.clear()
            self.requests.clear()
            self.peak = self.active

    @staticmethod
    def _spawn(function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self._spawn(self._connection, sock)

    def _connection(self, sock):
        with self.changed:
            self.active += 1
            self.peak = max(self.peak, self.active)
        try:
            with sock:
                sock.settimeout(WAIT_S)
                self._serve(sock)
        except OSError:
            pass  # the client went away, or refused us: what tests are for
        finally:
            with self.changed:
                self.active -= 1
                self.changed.notify_all()

    def _note(self, host, what):
        with self.changed:
            self.counts[host][what] += 1
            self.changed.notify_all()

    def _serve(self, sock):
        hello = peek_hello(sock)
        host = hello.server_name if hello else ""
        behaviour = self.hosts.get(host, self.hosts.get("*"))
        self._note(host, "connections")
        if behaviour is None:
            return
        act = behaviour.get("act", "answer")
        if act in EARLY_ACTS:
            EARLY_ACTS[act](sock)
            return
        with self._context(host, behaviour).wrap_socket(
            sock, server_side=True, suppress_ragged_eofs=True
        ) as tls:
            self._note(host, "handshakes")
            if act == "stall-handshake":
                wait_unread(tls)
                return
            self._exchange(tls, host, hello, behaviour, act)

    def _exchange(self, tls, host, hello, behaviour, act):
        request = read_request(tls)
        if request is None:
            return
        with self.changed:
            self.requests[host] = {
                "request": request,
                "server_name": hello.server_name,
                "alpn": hello.alpn,
                "tls": tls.version(),
                "resumed": tls.session_reused,
            }
        self._note(host, "requests")
        path = request.split(" ")[1]
        if path != behaviour.get("path", PATH):
            behaviour = {"status": 404}
        ACTS[act](tls, host, behaviour)

    def _context(self, host, behaviour):
        kind = behaviour.get("cert", "good")
        versions = tuple(behaviour.get("tls", ("1.2", "1.3")))
        key = (host, kind, versions)
        with self.changed:
            if key not in self.contexts:
                self.contexts[key] = self._make_context(*key)
            return self.contexts[key]

    def _make_context(self, host, kind, versions):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = VERSIONS[versions[0]]
            context.maximum_version = VERSIONS[versions[1]]
        if versions[0] in ("1.0", "1.1"):
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.set_alpn_protocols(["http/1.1"])
        leaf = self.authority.issue(host, kind)
        context.load_cert_chain(leaf.chain_path, leaf.key_path)
        return context


# --- control -----------------------------------------------------------------


class Control:
    """The unix socket; see the head of this file."""

    def __init__(self, server, hosts_path):
        self.server = server
        self.hosts_path = hosts_path
        self.commands = {
            "set": self._set,
            "reload": self._reload,
            "count": lambda line: self.server.count(line["count"]),
            "wait": self._wait,
            "peak": lambda line: {"peak": self.server.peak},
            "last": lambda line: self.server.last(line["last"]),
            "zero": self._zero,
        }

    def reload(self):
        if self.hosts_path:
            with open(self.hosts_path, encoding="utf-8") as file:
                self.server.set(json.load(file))

    def serve(self, path):
        """The path is there when the socket listens."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        early_path = path + ".new"
        if os.path.exists(early_path):
            os.unlink(early_path)
        listener.bind(early_path)
        listener.listen(16)
        os.rename(early_path, path)
        threading.Thread(
            target=self._accept, args=(listener,), daemon=True
        ).start()

    def _accept(self, listener):
        while True:
            sock, _ = listener.accept()
            threading.Thread(
                target=self._client, args=(sock,), daemon=True
            ).start()

    def _client(self, sock):
        with sock, sock.makefile("rw", encoding="utf-8") as lines:
            for line in lines:
                print(json.dumps(self._command(line)), file=lines, flush=True)

    def _command(self, text):
        try:
            line = json.loads(text)
            name = next(iter(line))
            answer = self.commands[name](line)
            return {"ok": answer is not False, **(answer or {})}
        except (ValueError, LookupError, TypeError, OSError) as error:
            return {"ok": False, "error": repr(error)}

    def _set(self, line):
        self.server.set(line["set"])

    def _reload(self, _line):
        self.reload()

    def _wait(self, line):
        numbers = {k: v for k, v in line.items() if k != "wait"}
        return None if self.server.wait(line["wait"], **numbers) else False

    def _zero(self, _line):
        self.server.zero()


def main():
    parser = argparse.ArgumentParser(description="policy hosts for tests")
    parser.add_argument("--ca", required=True, metavar="DIR")
    parser.add_argument("--listen", required=True, nargs="+")
    parser.add_argument("--control", required=True, metavar="SOCKET")
    parser.add_argument("--hosts", metavar="FILE")
    parser.add_argument("--catalogue", metavar="SUFFIX")
    parser.add_argument(
        "--until-eof", action="store_true", help="end with standard input"
    )
    options = parser.parse_args()
    server = PolicyHost(Authority(options.ca), options.listen)
    if options.catalogue:
        server.set({
            f"mta-sts.{name}.{options.catalogue}": behaviour
            for name, behaviour in CATALOGUE.items()
        })
    control = Control(server, options.hosts)
    control.reload()
    server.start()
    control.serve(options.control)
    print("ready", flush=True)
    if options.until_eof:
        sys.stdin.buffer.read()
    else:
        threading.Event().wait()


if __name__ == "__main__":
    main()
