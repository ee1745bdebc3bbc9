"""Recipients during a chaos run, and whether each answer was right."""

import os
import random
import threading
import time

import milter
from chaos_world import (DNS_TIMEOUT_S, DUMB, FORGED, FREE, SECURE, SILENT,
                         SOON, TTL_S)

DEADLINE_S = 0.8  # with GRACE_S less than a question that nobody answers
GRACE_S = 1.0
# How old that may be on which an answer rests: TTLs are in whole seconds, of
# the records and of a verdict, and an answer may be on its way for as long as a
# question is.
REMEMBER_S = 2 * TTL_S + 1 + DNS_TIMEOUT_S
CONNECTIONS = 6
PATIENT = 2  # connections on which domains are asked about that never answer
PER_MESSAGE = 10
STRANGERS = 200  # domains of a kind that are not bound
PAUSE_S = 0.02
TICK_S = 0.05
LATE_S = 0.02

# libmilter ends sessions that are idle for so long, by the wall clock: some
# end when it jumps forward. It looks every few seconds.
IDLE_S, LOOK_S = 3000, 11

# AGAIN: to all, by a daemon that was told to end.
PASS, DEFER, AGAIN = "continue", "450 4.7.5", "tempfail"


def waited_s(pid):
    """{thread: seconds that it was ready to run and had no processor}"""
    waited = {}
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/schedstat",
                      encoding="ascii") as f:
                waited[tid] = int(f.read().split()[1]) / 1e9
    except OSError:
        pass  # gone, or a kernel that does not count
    return waited


class Lag(threading.Thread):
    """What is no fault of the daemon's when an answer is late: how late this
    process itself comes round, and how long a thread of the daemon had no
    processor to run on."""

    def __init__(self, daemon_pid):
        super().__init__(daemon=True)
        self._pid = daemon_pid
        self._late = []
        self.start()

    def run(self):
        before = {}
        while True:
            due = time.monotonic() + TICK_S
            time.sleep(TICK_S)
            late = time.monotonic() - due
            now = waited_s(self._pid())
            late = max([late] + [s - before.get(tid, s)
                                 for tid, s in now.items()])
            before = now
            if late > LATE_S:
                self._late.append((due, time.monotonic(), late))

    def during(self, since, until):
        """Seconds of it."""
        return sum(late for begin, end, late in list(self._late)
                   if since <= end and begin <= until)


class Load:
    """Connections that ask about all kinds of domains until told to stop."""

    def __init__(self, chaos, seed):
        self.chaos = chaos
        self.crowd = chaos.crowd
        self.seed = seed
        self.wrong = []
        self.lag = Lag(chaos.pid)
        self._lock = threading.Lock()
        self._asked = 0
        self.kinds = {}
        self.sharp = 0   # refusals that had to be
        self.slowest = 0.0
        self.broken = 0  # connections that died with a daemon
        self._stop = threading.Event()
        self._threads = []

    # --- running

    def start(self):
        """All connections."""
        self._stop.clear()
        self._threads = [threading.Thread(target=self._work, args=(i,))
                         for i in range(CONNECTIONS + PATIENT)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        """And await their last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _domain(self, dice, patient):
        """Any, each kind as often."""
        if patient:
            return dice.choice((dice.choice(DUMB),
                                f"s{dice.randrange(STRANGERS)}.{SILENT}"))
        return dice.choice((
            dice.choice(SECURE), dice.choice(SECURE),
            dice.choice(self.crowd.domains), dice.choice(FORGED), SOON,
            dice.choice((*FREE, f"x{dice.randrange(STRANGERS)}.plain.test"))))

    def _work(self, number):
        dice = random.Random(f"{self.seed}/{number}")
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                self._message(dice, number >= CONNECTIONS)
            except (OSError, milter.MilterError) as e:
                self._broke(begun, e)

    def _broke(self, begun, error):
        time.sleep(PAUSE_S)
        now = time.monotonic()
        offsets = self.chaos.clock.offset.between(begun - LOOK_S, now)
        if False in self.chaos.up.between(begun, now) \
                or max(offsets) - min(offsets) >= IDLE_S:
            self.broken += 1
        else:
            self.wrong.append(f"a connection broke: {error}")
            self._stop.set()

    def _message(self, dice, patient):
        with milter.Session(self.crowd.socket, 30.0) as session:
            session.mail()
            for _ in range(PER_MESSAGE):
                if self._stop.is_set():
                    break
                self.ask(session, self._domain(dice, patient))
                time.sleep(dice.uniform(0, PAUSE_S))
            session.abort()

    # --- one recipient

    def ask(self, session, domain):
        """The answer; what is wrong with it is noted."""
        with self._lock:
            self._asked += 1
            number = self._asked
        octets = domain.encode()
        since = time.monotonic()
        answer = str(session.rcpt(b"<c%d@%s>" % (number, octets),
                                  milter.smtp_macros(octets)))
        until = time.monotonic()
        wrong = self._late(since, until) or self._judge(domain, answer, since,
                                                        until)
        if wrong:
            self.wrong.append(f"<c{number}@{domain}>: {wrong}")
            self._stop.set()
        return answer

    def _late(self, since, until):
        took = until - since
        self.slowest = max(self.slowest, took)
        if took <= DEADLINE_S + GRACE_S:
            return None
        lag = self.lag.during(since, until)
        if took - lag <= DEADLINE_S + GRACE_S:
            return None
        return (f"answered after {took:.2f} s, {lag:.2f} s of which there was "
                "no processor")

    def may_pass(self, domain, since, until):
        """Whether the daemon may have had secure data of a bound domain."""
        since = self.chaos.memory_from(since, REMEMBER_S)
        if domain in SECURE:
            return True in self.chaos.secure.between(since, until)
        if domain != SOON:
            return False
        earliest = min(self.chaos.clock.offset.between(since, until))
        begun = time.time() - (time.monotonic() - since)
        return begun + earliest <= self.chaos.soon_ends_s

    def _judge(self, domain, answer, since, until):
        kind = "free"
        if domain == SOON or domain in SECURE:
            kind = "secure"
        elif domain in (*DUMB, *FORGED, *self.crowd.domains):
            kind = "forged"
        key = (kind, answer[:len(DEFER)])
        with self._lock:
            self.kinds[key] = self.kinds.get(key, 0) + 1
        if answer == AGAIN and False in self.chaos.up.between(since, until):
            return None
        if kind == "free":
            return None if answer == PASS else f"is not bound: {answer}"
        if answer.startswith(DEFER):
            if kind == "secure" and not self.may_pass(domain, since, until):
                self.sharp += 1
            return None
        if answer == PASS and self.may_pass(domain, since, until):
            return None
        return f"is bound and not secure, and was answered: {answer}"
