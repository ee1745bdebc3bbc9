"""Strangers who never ask about the same domain twice.

They fill caches: the filter's, and the one of libunbound inside it. Beside
them, domains that are bound by a stored policy whose TXT record is suppressed
are asked about again and again: each time the answer is 450, the policies stay,
and memory does not grow once the caches are full.
"""

import itertools
import threading

import milter
from crowd import expect
from process import wait_for

ZONE = "plain.test"  # no policy, nothing below it
THREADS = 16
BOUND_EVERY = 200    # strangers for one that is bound
PER_MESSAGE = 50
DEADLINE_S = 8.0
# What the second half may add: the caches are full after the first, but for
# what malloc's arenas lose between blocks of many sizes.
GROWTH_KB = 16 << 10
RSS_MAX_KB = 256 << 10
FILLS = 100000       # strangers; below it nothing can be said of growth


def rss_kb(pid):
    """Memory that is not a mapped file."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    raise AssertionError("no RssAnon")


class Strangers:
    """The run: whom they asked about, and what went wrong."""

    def __init__(self, crowd):
        self.crowd = crowd
        self.wrong = []
        self.bound_asked = 0
        self._numbers = None
        self._lock = threading.Lock()

    def _check_bound(self, number):
        domain = self.crowd.domains[number % len(self.crowd.domains)]
        answer, seconds = self.crowd.ask([domain])[domain]
        if not answer.startswith("450 4.7.5"):
            self.wrong.append(f"{domain} is bound, and was told {answer}")
        if seconds > DEADLINE_S + 1:
            self.wrong.append(f"{domain} waited {seconds:.1f} s")
        with self._lock:
            self.bound_asked += 1

    def _ask(self, session, number):
        domain = b"s%d.%s" % (number, ZONE.encode())
        answer = session.rcpt(b"<u@%s>" % domain, milter.smtp_macros(domain))
        if str(answer) != "continue":
            self.wrong.append(f"{domain.decode()}: {answer}")

    def _work(self):
        with milter.Session(self.crowd.socket, 60.0) as session:
            session.mail()
            for n, number in enumerate(self._numbers):
                if n and n % PER_MESSAGE == 0:
                    session.abort()
                    session.mail()
                if number % BOUND_EVERY == 0:
                    self._check_bound(number // BOUND_EVERY)
                self._ask(session, number)
            session.abort()

    def _worker(self):
        try:
            self._work()
        except (OSError, milter.MilterError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")

    def ask(self, first, last):
        """About all of these, and fail at the first that was wrong."""
        # next() of a range's iterator is one step of the interpreter.
        self._numbers = itertools.chain(iter(range(first, last)))
        threads = [threading.Thread(target=self._worker)
                   for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(not self.wrong, "; ".join(self.wrong[:3]))


def run(crowd, n):
    """n strangers."""
    strangers = Strangers(crowd)
    crowd.publish(1)
    # Verdicts of the bound are not to come from memory.
    crowd.start(deadline=f"{DEADLINE_S:.0f}s", verdict_ttl_max="0s",
                verdict_ttl_min="0s")
    crowd.expect_deferred(crowd.domains, "known for the first time")
    wait_for(lambda: len(crowd.stored()) == len(crowd.domains), 10,
             "policies in the store")
    crowd.hide()
    pid = crowd.processes.pid(crowd.daemon.NAME)
    strangers.ask(0, n // 2)
    half_kb = rss_kb(pid)
    strangers.ask(n // 2, n)
    end_kb = rss_kb(pid)
    stored = crowd.stored()
    expect(sorted(stored) == sorted(crowd.domains),
           f"{len(stored)} policies are stored of {len(crowd.domains)}")
    crowd.check_bodies(stored)
    expect(end_kb < RSS_MAX_KB, f"{end_kb} kB of memory")
    expect(n < FILLS or end_kb - half_kb < GROWTH_KB,
           f"memory grew from {half_kb} to {end_kb} kB in the second half")
    crowd.stop()
    print(f"{n} strangers, {strangers.bound_asked} times 450 beside them; "
          f"memory {half_kb} kB after half of them, {end_kb} kB in the end")
