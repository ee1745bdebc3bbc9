"""A crowd of domains for a daemon of its own, in a lab that is up.

All of them lie below unsigned.test and exist only as rules of tamper.py and
rows of policyhost.py: there may be any number, and one rule gives all of them
a new policy. Their policies say `dnssec: yes` and the zone is unsigned, so
that each recipient has to be deferred for as long as the policy is known.
"""

import base64
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import milter
from daemon import SOCKET_PORT, Daemon, bindir
from process import LabError, Processes
from world import Tamper

ZONE = "unsigned.test"
HOST = 203  # last octet of the daemon's address; those of stage.py are near
LARGE = 60000
CONNECTIONS = 8
NUMBER = re.compile(rb"^x-number: (\d+)", re.MULTILINE)


class Failure(LabError):
    """What was to be shown does not hold."""


def expect(condition, text):
    """Fail unless the condition holds."""
    if not condition:
        raise Failure(text)


def policy_body(domain, number):
    """The policy number of a domain: always the same octets, no two alike."""
    dice = random.Random(f"{domain}/{number}")
    lines = ["version: STSv1", "mode: enforce", f"mx: *.{domain}",
             "max_age: 864000", "dnssec: yes", f"x-number: {number}"]
    size = dice.choice((0, 100, 3000, 5000, dice.randrange(LARGE)))
    for i in range(size // 80):
        lines.append(f"x-{i}: {dice.getrandbits(256):064x}")
    return "".join(line + "\r\n" for line in lines)


def number_of(event):
    """Of the policy that a recipient's line tells of, or None: its id is not
    known where the daemon was starved or got the policy without a TXT record
    (T-12)."""
    if event["policy_from"] not in ("fetch", "cache") \
            or event["policy_id"] == "-":
        return None
    return int(event["policy_id"])


def stored_number(row):
    """Of a stored policy: one that came without a TXT record has no id."""
    body = base64.b64decode(row["body"])
    if row["id"]:
        return row["id"], body
    found = NUMBER.search(body)
    return found.group(1).decode() if found else "", body


class Crowd:
    """n domains, their policies, and the daemon that is asked about them."""

    def __init__(self, stage, home, n, host=HOST):
        info = stage.info()
        self.stage = stage
        self.control = Tamper(info["dns"]["control"])
        self.policy_address = info["dns"]["policy"]
        self.domains = [f"d{i}.{ZONE}" for i in range(n)]
        self.number = 0  # of the policies that are served
        self.processes = Processes(home)
        self.daemon = Daemon(home, self.processes)
        address = info["dns"]["mx"].rsplit(".", 1)[0]
        self.socket = f"inet:{SOCKET_PORT}@{address}.{host}"
        self.options = self.daemon.base(
            self.socket, info["dns"], info["ca_file"],
            info["daemon"]["policy_networks"])
        self.options["log_format"] = "json"
        self.metrics = f"{address}.{host}:9478"
        self._log_at = 0
        self._may_be_torn = 0  # lines: one for each SIGKILL
        self._asked = 0

    # --- the world

    def rule(self, kind, *action):
        """What the resolver path answers about every domain of the crowd."""
        self.control.command(" ".join(("rule fwd", "." + ZONE, kind, *action)))

    def publish(self, number):
        """Serve this number of every policy, and say so in the TXT records."""
        self.number = number
        hosts = {"mta-sts." + domain: {"body": policy_body(domain, number)}
                 for domain in self.domains}
        self.stage.policies.command({"set": hosts})
        self.control.command("clear")
        self.rule("*", "nodata")
        self.rule("A", "forge", "0", self.policy_address)
        self.rule("MX", "forge", "0", f"'10 mx.{ZONE}.'")
        self.rule("TXT", "forge", "0", f"'\"v=STSv1; id={number};\"'")

    def hide(self):
        """Suppress the TXT records: what is stored is all there is."""
        self.rule("TXT", "servfail")

    # --- the daemon

    def start(self, **options):
        """With options that differ. It listens before it opens the store."""
        self.daemon.start({**self.options, **options})

    def _start_until(self, ready):
        self.daemon.write_config(self.options)
        os.makedirs(self.daemon.store, exist_ok=True)
        self.processes.start(
            Daemon.NAME, [os.path.join(bindir(), "dane-sts-milter"), "-f",
                          "-c", self.daemon.config], ready)

    def start_only(self):
        """Without waiting until it is up."""
        self._start_until(lambda: True)

    def refused_start(self, what):
        """Its last words; it must end by itself, and not by a signal."""
        try:
            self._start_until(lambda: False)
        except LabError as error:
            expect("ended at once with status" in str(error)
                   and "status -" not in str(error), f"{what}: {error}")
            return str(error)
        raise AssertionError("never ready, but started")

    def kill(self):
        """SIGKILL."""
        self._may_be_torn += 1
        self.processes.stop(Daemon.NAME, signum=signal.SIGKILL)

    def stop(self):
        """SIGTERM."""
        self.daemon.stop()

    # --- what it says and keeps

    def log(self):
        """Events that were logged since the last call."""
        try:
            with open(self.daemon.log_path, "rb") as f:
                f.seek(self._log_at)
                text = f.read()
        except FileNotFoundError:
            return []
        whole = text[:text.rfind(b"\n") + 1]
        self._log_at += len(whole)
        lines = whole.splitlines()
        # A line that SIGKILL cut off is ended by the next daemon.
        torn = [line for line in lines if not line.endswith(b"}")]
        self._may_be_torn -= len(torn)
        expect(self._may_be_torn >= 0, f"torn lines: {torn}")
        return [json.loads(line) for line in lines if line not in torn]

    def stored(self, spec=None):
        """{domain: (id, body)}, from the store itself."""
        argv = [os.path.join(bindir(), "dane-sts"), "cache", "export",
                "--store", spec or "lmdb:" + self.daemon.store]
        done = subprocess.run(argv, capture_output=True, check=False,
                              timeout=120)
        expect(done.returncode == 0, f"cache export: {done.stderr.decode()}")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {row["domain"]: stored_number(row) for row in rows}

    def status(self, good=True):
        """As dane-sts prints it, and by its exit status."""
        argv = [os.path.join(bindir(), "dane-sts"), "-c", self.daemon.config,
                "status"]
        done = subprocess.run(argv, capture_output=True, check=False,
                              timeout=60)
        expect(done.returncode == (0 if good else 1),
               f"status: {done.returncode} {done.stderr.decode()}")
        return done.stdout.decode()

    def check_bodies(self, stored):
        """Every body is what was served under its id, octet by octet."""
        for domain, (number, body) in stored.items():
            expect(body == policy_body(domain, int(number)).encode(),
                   f"{domain}: the stored policy {number} is not what was "
                   "served")

    # --- recipients

    def ask(self, domains):
        """{domain: (answer, seconds)}, one connection, one after the other."""
        answers = {}
        with milter.Session(self.socket, 60.0) as session:
            session.mail()
            for domain in domains:
                answers[domain] = self._ask_one(session, domain)
            session.abort()
        return answers

    def _ask_one(self, session, domain):
        self._asked += 1
        octets = domain.encode()
        start = time.monotonic()
        answer = session.rcpt(b"<u%d@%s>" % (self._asked, octets),
                              milter.smtp_macros(octets))
        return str(answer), time.monotonic() - start

    def expect_deferred(self, domains, what, within_s=None):
        """All of them, by many connections; each in so many seconds."""
        answers = {}
        threads = [threading.Thread(
            target=lambda part: answers.update(self.ask(part)),
            args=(domains[i::CONNECTIONS],)) for i in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for domain in domains:
            answer, seconds = answers.get(domain, ("no answer", 0))
            expect(answer.startswith("450 4.7.5"),
                   f"{what}: {domain}: {answer}")
            expect(within_s is None or seconds <= within_s,
                   f"{what}: {domain} waited {seconds:.1f} s")
        return max(seconds for _, seconds in answers.values())

    def load(self, seed):
        """Threads that ask in any order until the daemon is gone."""
        def work(number):
            order = random.Random(f"{seed}/{number}")
            try:
                while True:
                    self.ask(order.choices(self.domains, k=20))
            except (OSError, milter.MilterError):
                pass  # killed: what this is about
        threads = [threading.Thread(target=work, args=(i,))
                   for i in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        return threads
