"""SIGKILL at random moments, under load (C-01).

Each round gives every domain a new policy, asks about them over several
connections, and kills the daemon at a random moment. Then the store must hold
every policy whose use was logged, or a later one, as it was served, octet by
octet; and the next daemon must hold some domains to them while their TXT
records are suppressed.
"""

import random
import shutil
import time

from crowd import Failure, expect, number_of
from process import wait_for

STARTS_MAX_S = 0.1
LOAD_MAX_S = 0.8
SAMPLE = 5
LOG_S = 5
EARLY = 8  # one round in so many is killed while it starts


class Kill:
    """The run and what it has seen so far."""

    def __init__(self, crowd, seed):
        self.crowd = crowd
        self.seed = seed
        self.dice = random.Random(seed)
        self.used = {}    # domain: highest id whose use was logged
        self.stored = {}  # domain: (id, body), after the last round
        self.uses = 0

    def births(self, n):
        """Killed while an empty store is made: nothing is lost, as there is
        nothing, but the next start must not stumble over what is left."""
        for _ in range(n):
            shutil.rmtree(self.crowd.daemon.store, ignore_errors=True)
            self._killed_start()
            self.crowd.start()
            self.crowd.kill()
        shutil.rmtree(self.crowd.daemon.store, ignore_errors=True)

    def _killed_start(self):
        self.crowd.start_only()
        time.sleep(self.dice.uniform(0, STARTS_MAX_S))
        self.crowd.kill()

    def round(self, number):
        """Remember, learn, be killed."""
        if number % EARLY == 0:
            self._killed_start()
            self.check(number - 1)
        self.crowd.start()
        self.remember()
        self.crowd.publish(number)
        threads = self.crowd.load(f"{self.seed}/{number}")
        time.sleep(self.dice.uniform(0, LOAD_MAX_S))
        self.crowd.kill()
        for thread in threads:
            thread.join()
        self.check(number)

    def _recipients(self, count):
        """Lines are written a moment after the reply."""
        lines = []

        def all_there():
            lines.extend(e for e in self.crowd.log()
                         if e.get("event") == "rcpt")
            return len(lines) >= count
        wait_for(all_there, LOG_S, f"{count} recipients in the log")
        return lines

    def remember(self):
        """Nothing but the store knows of these policies."""
        sample = sorted(self.used)
        sample = self.dice.sample(sample, min(SAMPLE, len(sample)))
        if not sample:
            return
        self.crowd.hide()
        self.crowd.expect_deferred(sample, "after the restart")
        lines = self._recipients(len(sample))
        for line in lines:
            domain = line["domain"]
            expect(line["policy_from"] == "cache"
                   and line["policy_id"] == self.stored[domain][0],
                   f"after the restart: {line}")
        expect(len(lines) == len(sample), "after the restart: lines missing")

    def read_log(self):
        """Notes every use."""
        for event in self.crowd.log():
            expect(event.get("event") != "store", f"trouble: {event}")
            number = number_of(event) if event.get("event") == "rcpt" else None
            if number is None:
                continue
            self.uses += 1
            domain = event["domain"]
            self.used[domain] = max(number, self.used.get(domain, 0))

    def check(self, newest):
        """What the store holds against what was used."""
        self.read_log()
        stored = self.crowd.stored() if self.used or self.stored else {}
        for domain, number in self.used.items():
            if domain not in stored:
                raise Failure(f"{domain}: policy {number} was used and is "
                              "not stored")
            expect(number <= int(stored[domain][0]) <= newest,
                   f"{domain}: {number} was used, {stored[domain][0]} is "
                   "stored")
        for domain, (number, _) in self.stored.items():
            expect(domain in stored and int(stored[domain][0]) >= int(number),
                   f"{domain}: policy {number} was stored and is lost")
        self.crowd.check_bodies(stored)
        self.stored = stored


def run(crowd, rounds, births, seed):
    """Raises Failure."""
    print(f"kill: {rounds} rounds, seed {seed}", flush=True)
    kill = Kill(crowd, seed)
    kill.births(births)
    for number in range(1, rounds + 1):
        try:
            kill.round(number)
        except Failure as failure:
            raise Failure(f"seed {seed}, round {number}: {failure}") from None
    octets = sum(len(body) for _, body in kill.stored.values())
    print(f"kill: {rounds} rounds, {births} unfinished stores: {kill.uses} "
          f"uses logged, {len(kill.stored)} policies of {octets} octets "
          "stored, none lost")
    expect(kill.used, "nothing was used: the run has shown nothing")
