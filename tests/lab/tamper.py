#!/usr/bin/python3
"""A DNS proxy that does what somebody on the path could do.

    tamper.py CONTROL PATH=LISTEN,UPSTREAM...

LISTEN and UPSTREAM are IP@PORT, both UDP and TCP. PATH is a word by which the
rules tell the proxies apart. CONTROL is a Unix socket that takes one command a
line and answers each with "ok [VALUE]" or "error WHY", so that a test never
has to guess whether a rule is in force:

    rule PATH NAME TYPE ACTION [ARGUMENT...]   the newest rule that fits counts
    next PATH NAME TYPE ACTION [ARGUMENT...]   a rule that waits
    swap                                       those instead of all others
    clear                                      rules and counters
    count PATH NAME TYPE                       queries seen so far
    await PATH NAME TYPE N                     answers when there were N

PATH and TYPE may be "*"; NAME is a name, ".suffix" (all below it) or "*".
PATH/udp and PATH/tcp fit what comes that way alone.
"""

import asyncio
import shlex
import socket
import struct
import sys
from collections import Counter
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

UPSTREAM_TIMEOUT = 5.0
AWAIT_TIMEOUT = 20.0
DNSSEC_TYPES = {
    dns.rdatatype.RRSIG,
    dns.rdatatype.NSEC,
    dns.rdatatype.NSEC3,
    dns.rdatatype.DS,
}


# --- what can be done to an answer: (query, upstream, arguments) -> octets


def reply_with(rcode):
    """With an argument, an SOA record of that TTL goes with it: the denial may
    be cached for so long."""

    async def action(query, _ask, args):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | dns.flags.AA
        reply.set_rcode(rcode)
        for ttl in args:
            soa = f"ns.test. hostmaster.test. 1 3600 600 86400 {ttl}"
            zone = query.question[0].name.parent()
            reply.authority.append(dns.rrset.from_text(zone, int(ttl), "IN", "SOA", soa))
        return reply.to_wire()

    return action


async def do_drop(_query, _ask, _args):
    return None


async def do_delay(_query, ask, args):
    await asyncio.sleep(int(args[0]) / 1000)
    return await ask()


async def do_strip(query, ask, _args):
    """No signature, no proof, no delegation signer: as if never signed."""
    wire = await ask()
    if wire is None:
        return None
    reply = dns.message.from_wire(wire)
    for section in (reply.answer, reply.authority, reply.additional):
        section[:] = [s for s in section if s.rdtype not in DNSSEC_TYPES]
    reply.flags &= ~dns.flags.AD
    if reply.edns >= 0:
        reply.use_edns(0, 0, reply.payload)
    return reply.to_wire(max_size=65535)


async def do_forge(query, _ask, args):
    """forge TTL RDATA...: records of the type asked for, unsigned."""
    question = query.question[0]
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.RA | dns.flags.AA | dns.flags.AD
    kind = dns.rdatatype.to_text(question.rdtype)
    reply.answer.append(dns.rrset.from_text(question.name, int(args[0]), "IN", kind, *args[1:]))
    return reply.to_wire()


async def do_truncate(query, _ask, _args):
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.TC | dns.flags.RA
    return reply.to_wire()


async def do_wrong_question(query, ask, _args):
    wire = await ask()
    if wire is None:
        return None
    reply = dns.message.from_wire(wire)
    reply.question[0] = dns.rrset.RRset(
        dns.name.from_text("other.test."), 1, reply.question[0].rdtype
    )
    return reply.to_wire(max_size=65535)


async def do_garbage(query, _ask, _args):
    return query.to_wire()[:2] + b"\x81\x80" + b"\xff" * 20


async def do_other_name(_query, ask, _args):
    """The records, but another's."""
    wire = await ask()
    if wire is None:
        return None
    reply = dns.message.from_wire(wire)
    for rrset in reply.answer:
        rrset.name = dns.name.from_text("other.test.")
    return reply.to_wire(max_size=65535)


def spoilt(rrsig, n):
    """A signature as good to look at, and as dear to verify."""
    signature = bytearray(rrsig.signature)
    signature[-2:] = struct.pack("!H", struct.unpack("!H", signature[-2:])[0] ^ n)
    return rrsig.replace(signature=bytes(signature))


async def do_sig_flood(_query, ask, args):
    """sig-flood N: so many more signatures by the zone's own key."""
    wire = await ask()
    if wire is None:
        return None
    reply = dns.message.from_wire(wire)
    for section in (reply.answer, reply.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                good = list(rrset)
                rrset.clear()
                for n in range(1, int(args[0]) + 1):
                    rrset.add(spoilt(good[0], n))
                for rdata in good:
                    rrset.add(rdata)
    return reply.to_wire(max_size=65535)


ACTIONS = {
    "drop": do_drop,
    "delay": do_delay,
    "strip": do_strip,
    "forge": do_forge,
    "truncate": do_truncate,
    "wrong-question": do_wrong_question,
    "garbage": do_garbage,
    "other-name": do_other_name,
    "sig-flood": do_sig_flood,
    "nodata": reply_with(dns.rcode.NOERROR),
    "formerr": reply_with(dns.rcode.FORMERR),
    "servfail": reply_with(dns.rcode.SERVFAIL),
    "nxdomain": reply_with(dns.rcode.NXDOMAIN),
    "refused": reply_with(dns.rcode.REFUSED),
}


# --- rules and counters


def question_of(wire):
    """Name and type that are asked for, the name in lower case without the final
    dot. None if that takes a real parser: a name with unusual octets, say."""
    labels, at = [], 12
    while at < len(wire) and wire[at] != 0:
        label = wire[at + 1 : at + 1 + wire[at]]
        if wire[at] > 63 or not label.replace(b"-", b"").replace(b"_", b"").isalnum():
            return None
        labels.append(label.decode("ascii").lower())
        at += 1 + wire[at]
    if wire[4:6] != b"\0\1" or len(wire) < at + 5:
        return None
    kind = dns.rdatatype.to_text(int.from_bytes(wire[at + 1 : at + 3], "big"))
    return ".".join(labels) or ".", kind


def fits(pattern, value):
    if pattern.startswith("."):
        return value.endswith(pattern)
    return pattern in ("*", value)


@dataclass
class Key:
    """Which queries; also the key under which they are counted."""

    path: str
    name: str
    kind: str

    @classmethod
    def of(cls, path, name, kind):
        name = name.lower()
        return cls(path, name if name == "*" else name.rstrip(".") or ".", kind.upper())

    def covers(self, path, name, kind):
        paths = ("*", path, path.partition("/")[0])
        return self.path in paths and fits(self.name, name) and fits(self.kind, kind)


class Rules:
    """By the name that they are about: there may be hundreds, and every query
    is looked up here."""

    def __init__(self):
        self.by_name = {}
        self.n = 0

    def add(self, key, action, args):
        self.n += 1
        self.by_name.setdefault(key.name, []).append((self.n, key, action, args))

    def newest(self, query):
        """Action and arguments of the newest rule that covers the query."""
        name = query[1]
        names = {"*", name} | {name[i:] for i, c in enumerate(name) if c == "."}
        covering = [
            rule
            for about in names
            for rule in self.by_name.get(about, ())
            if rule[1].covers(*query)
        ]
        return max(covering, key=lambda rule: rule[0])[2:] if covering else (None, ())


class State:
    def __init__(self):
        self.rules = Rules()
        self.waiting = Rules()
        self.seen = Counter()
        self.changed = asyncio.Condition()

    def count(self, key):
        return sum(n for query, n in self.seen.items() if key.covers(*query))

    async def note(self, query):
        async with self.changed:
            self.seen[query] += 1
            self.changed.notify_all()

    async def command(self, words):
        verb, args = words[0], words[1:]
        if verb == "clear":
            self.rules = Rules()
            self.seen.clear()
            return ""
        if verb == "swap":
            self.rules, self.waiting = self.waiting, Rules()
            return ""
        key = Key.of(*args[:3])
        if verb in ("rule", "next"):
            rules = self.rules if verb == "rule" else self.waiting
            rules.add(key, ACTIONS[args[3]], args[4:])
            return ""
        if verb == "count":
            return str(self.count(key))
        if verb == "await":
            async with self.changed:
                await asyncio.wait_for(
                    self.changed.wait_for(lambda: self.count(key) >= int(args[3])),
                    AWAIT_TIMEOUT,
                )
            return str(self.count(key))
        raise ValueError(f"unknown command {verb}")

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                try:
                    answer = "ok " + await self.command(shlex.split(line.decode()))
                except (ValueError, TypeError, KeyError, IndexError) as e:
                    answer = f"error {e!r}"
                except asyncio.TimeoutError:
                    answer = "error nothing came"
                writer.write(answer.encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


# --- the proxy


class Proxy:
    def __init__(self, state, path, listen, upstream):
        self.state = state
        self.path = path
        self.listen = listen
        self.upstream = upstream
        self.tasks = set()

    async def start(self):
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind(self.listen)
        await loop.create_datagram_endpoint(lambda: Datagrams(self), sock=sock)
        await asyncio.start_server(self.serve_tcp, *self.listen, backlog=512)

    async def answer(self, wire, ask, transport):
        """What to say to the query in wire; ask() asks the real server."""
        question = question_of(wire)
        query = None
        try:
            if question is None:
                query = dns.message.from_wire(wire)
                name = query.question[0].name.to_text(omit_final_dot=True).lower()
                question = name or ".", dns.rdatatype.to_text(query.question[0].rdtype)
        except (dns.exception.DNSException, IndexError):
            return await ask()
        seen = (f"{self.path}/{transport}", *question)
        await self.state.note(seen)
        action, args = self.state.rules.newest(seen)
        if action is None:
            return await ask()
        return await action(query or dns.message.from_wire(wire), ask, args)

    def spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def ask_udp(self, wire):
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.connect(self.upstream)
                await loop.sock_sendall(sock, wire)
                return await asyncio.wait_for(loop.sock_recv(sock, 65535), UPSTREAM_TIMEOUT)
            except (OSError, asyncio.TimeoutError):
                return None

    async def ask_tcp(self, wire):
        writer = None
        try:
            reader, writer = await asyncio.open_connection(*self.upstream)
            writer.write(struct.pack("!H", len(wire)) + wire)
            return await asyncio.wait_for(read_framed(reader), UPSTREAM_TIMEOUT)
        except (OSError, EOFError, asyncio.TimeoutError):
            return None
        finally:
            if writer is not None:
                writer.close()

    async def serve_tcp(self, reader, writer):
        try:
            while True:
                wire = await read_framed(reader)
                reply = await self.answer(wire, lambda w=wire: self.ask_tcp(w), "tcp")
                if reply is None:
                    break
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, proxy):
        self.proxy = proxy
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.proxy.spawn(self.respond(data, addr))

    async def respond(self, wire, addr):
        reply = await self.proxy.answer(wire, lambda: self.proxy.ask_udp(wire), "udp")
        if reply is not None:
            self.transport.sendto(reply, addr)


async def read_framed(reader):
    (size,) = struct.unpack("!H", await reader.readexactly(2))
    return await reader.readexactly(size)


def endpoint(text):
    host, port = text.split("@")
    return host, int(port)


async def main(control, specs):
    state = State()
    for spec in specs:
        path, where = spec.split("=")
        listen, upstream = where.split(",")
        await Proxy(state, path, endpoint(listen), endpoint(upstream)).start()
    # Last: whoever can connect here finds the proxies ready.
    await asyncio.start_unix_server(state.serve, control)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        pass
