"""What the daemon of a chaos run says in its log, what it keeps in its store,
and how large it is."""

import collections
import os
import time

from chaos_world import BODY, DUMB, FORGED, GUARDED_ID, SECURE, SOON
from crowd import Failure, expect, number_of, policy_body
from process import LabError, wait_for

PATIENCE_S = 60.0
RECENT_S, LATE_S = 15.0, 0.5
PASSING = {"secure"}
# What errors are told of here: bad configurations, a resolver path that does
# not validate, a store that cannot be written or reached. And what makes
# recipients end in an error of the daemon's own: to be told to end, and a store
# that fails.
EXPLAINED = {"reload", "resolver", "store"}
TROUBLE = {"restart", "disk", "redis"}
# What memory, threads and files may be more than before the last storm.
# malloc keeps what resolvers of earlier reloads had: 38 MB were seen. If a burst
# of reloads lost its resolvers, it would be more than this.
MORE_KB, MORE_THREADS, MORE_FILES = 64 << 10, 4, 8


class Book:
    """Read while the run goes on, by its thread. events: what has been done,
    the last one last."""

    def __init__(self, chaos, events, lag):
        self.lag = lag
        self.crowd = chaos.crowd
        self.store = chaos.redis.spec if chaos.redis else None
        self.events = events
        self.bound = {*self.crowd.domains, *SECURE, *FORGED, *DUMB, SOON}
        self.learned = False  # all of them, from here on
        self.used = {}        # of the crowd: the highest id that was logged
        self.told = collections.Counter()     # errors and warnings
        self.reloads = collections.Counter()  # by level
        self.set_backs = 0
        self.store_states = []

    def read(self):
        """Every line since the last look."""
        for event in self.crowd.log():
            if event["event"] == "rcpt":
                self._rcpt(event)
            else:
                self._other(event)

    def _other(self, event):
        kind, level = event["event"], event["level"]
        expect(level != "error" or kind in EXPLAINED
               or kind == "internal" and self._starved(),
               f"an error that nothing explains: {event}")
        if kind == "store" and "state" in event:
            self.store_states.append(event["state"])
        self.set_backs += kind == "clock"
        self.reloads[level] += kind == "reload"
        if level in ("error", "warning"):
            self.told[" ".join(str(event[key]) for key in (
                "level", "event", "state", "result", "failed", "was")
                if key in event)] += 1

    def _starved(self):
        """Just now there was no processor for longer than a loop that does not
        answer is waited for (LATE_MS in ask_wait.c)."""
        now = time.monotonic()
        return self.lag.during(now - RECENT_S, now) >= LATE_S

    def _rcpt(self, event):
        domain = event["domain"]
        if self.learned and domain in self.bound:
            expect(event["verdict"] == "defer"
                   or event["verdict"] == "pass"
                   and event["reason"] in PASSING and event["mx"] == "secure"
                   and (domain in SECURE or domain == SOON),
                   f"logged of a bound domain: {event}")
        if event["reason"] == "internal-error":
            expect(TROUBLE & set(self.events[-3:]) or self._starved(),
                   f"an error of its own that nothing explains: {event}")
            self.told[f"rcpt internal-error {event.get('why')}"] += 1
        number = number_of(event) if domain in self.crowd.domains else None
        if number is not None:
            self.used[domain] = max(number, self.used.get(domain, 0))

    def stored(self):
        """As Crowd.stored."""
        return self.crowd.stored(self.store)

    def check_store(self):
        """Against what was used."""
        self.read()
        stored = self.stored()
        for domain, number in self.used.items():
            expect(domain in stored, f"{domain}: policy {number} was used and "
                   "is not stored")
            expect(int(stored[domain][0]) >= number,
                   f"{domain}: {number} was used, {stored[domain][0]} is "
                   "stored")
        for domain in self.bound:
            expect(domain in stored, f"{domain}: its policy is lost")
            expect(self._was_served(domain, *stored[domain]),
                   f"{domain}: policy {stored[domain][0]} is not what was "
                   "served")

    def _was_served(self, domain, number, body):
        """Octet by octet. Between the answer with the TXT record and the fetch
        there may have been newer policies."""
        if domain in self.crowd.domains:
            return body in (policy_body(domain, n).encode() for n in
                            range(int(number), self.crowd.number + 1))
        return body == BODY.format(domain).encode() and (
            domain == SOON or number in (GUARDED_ID, ""))


def size(pid):
    """(kB of memory, threads, open files). The memory is the process's own:
    LMDB maps its file."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        status = dict(line.split(":", 1) for line in f)
    return (int(status["RssAnon"].split()[0]), int(status["Threads"]),
            len(os.listdir(f"/proc/{pid}/fd")))


def is_sanitized(pid):
    """What is freed is kept for a while then."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        maps = f.read()
    return "libasan" in maps or "libtsan" in maps


def flat(pid, before):
    """Its size, once that is what it was; Failure if it does not get there."""
    more = (MORE_KB, MORE_THREADS, MORE_FILES)
    if is_sanitized(pid):
        more = (1 << 40, MORE_THREADS, MORE_FILES)
    sizes = []
    def is_flat():
        sizes.append(size(pid))
        return all(now <= was + m for now, was, m
                   in zip(sizes[-1], before, more))
    try:
        wait_for(is_flat, PATIENCE_S, "")
    except LabError:
        raise Failure("memory in kB, threads and open files were "
                      f"{before} and are {sizes[-1]}") from None
    return sizes[-1]
