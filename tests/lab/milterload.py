#!/usr/bin/python3
"""Ask a filter about many recipients over the milter protocol.

The recipients are spread over connections that work side by side, ten to a
message. Every answer must be the one that is expected for its domain.
"""

import argparse
import collections
import sys
import threading
import time

import milter

PER_MESSAGE = 10


class Tally:
    """Answers counted by domain, from several threads."""

    def __init__(self):
        self.count = collections.Counter()
        self.errors = []
        self._lock = threading.Lock()

    def add(self, counter):
        """Merge one connection's counts."""
        with self._lock:
            self.count.update(counter)

    def fail(self, error):
        """A connection broke."""
        with self._lock:
            self.errors.append(error)


def summary(answer):
    """The part of an answer that does not depend on the recipient."""
    return str(answer).split(":", 1)[0].rsplit(" ", 1)[0] \
        if answer.code == milter.REPLY else str(answer)


def ask(session, number, domain, counter):
    """One recipient."""
    octets = domain.encode("ascii")
    answer = session.rcpt(b"<u%d@%s>" % (number, octets),
                          milter.smtp_macros(octets))
    counter[(domain, summary(answer))] += 1


def work(options, numbers, tally):
    """One connection: its share of the recipients."""
    counter = collections.Counter()
    try:
        with milter.Session(options.socket, options.timeout) as session:
            for i, number in enumerate(numbers):
                if i % PER_MESSAGE == 0:
                    if i:
                        session.abort()
                    session.mail()
                domain = options.domain[number % len(options.domain)]
                ask(session, number, domain, counter)
            session.end_of_message(b"LOAD")
    except (OSError, milter.MilterError) as e:
        tally.fail(f"{type(e).__name__}: {e}")
    tally.add(counter)


def expected(words):
    """DOMAIN=ANSWER words as a dictionary."""
    return dict(word.split("=", 1) for word in words)


def report(tally, options, seconds):
    """Print the counts; the number of things that were wrong."""
    wrong = len(tally.errors)
    want = expected(options.expect)
    for (domain, answer), n in sorted(tally.count.items()):
        good = domain not in want or answer == want[domain]
        wrong += 0 if good else n
        print(f"{n:8} {domain:30} {answer}{'' if good else '   WRONG'}")
    for error in tally.errors:
        print(f"connection: {error}")
    total = sum(tally.count.values())
    print(f"{total} recipients in {seconds:.1f} s")
    if total != options.recipients:
        print(f"{options.recipients - total} recipients were not answered")
        wrong += 1
    return wrong


def main():
    """Exit 0 if every recipient got its answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", required=True,
                        help="inet:PORT@HOST or unix:PATH")
    parser.add_argument("--recipients", type=int, default=10000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--expect", action="append", default=[],
                        metavar="DOMAIN=ANSWER",
                        help="'continue', 'tempfail' or '450 4.7.5'")
    parser.add_argument("domain", nargs="+")
    options = parser.parse_args()
    tally = Tally()
    start = time.monotonic()
    threads = [threading.Thread(
        target=work,
        args=(options, range(i, options.recipients, options.connections),
              tally)) for i in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if report(tally, options, time.monotonic() - start) else 0


if __name__ == "__main__":
    sys.exit(main())
