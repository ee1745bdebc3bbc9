"""What a first verdict costs: processor time, queries, octets.

Without any delay. The domains have a zone, a policy and an MX host with TLSA
of their own each, so that nothing but the chain down to the registry is
shared. Octets are what goes through the sockets, without the headers of IP,
UDP and TCP; strace tells them.
"""

import collections
import glob
import os
import re
import shutil
import statistics
import subprocess

from cold import WARM, ask, settled
from ground import await_true, cpu_ns

# As cold.CASES: what it is, the domains, queries for each.
CASES = (
    ("bound, one MX", ("soon.test", "testing.test", "modenone.test",
                       "a_b.test", "xn--strae-oqa.test", "txtbeside.test",
                       "txtsplit.test"), 9),
    ("bound, ten MX", ("many10.test",), 36),
)
HTTPS_PORT = "443"
CALLS = "read,write,readv,writev,sendto,recvfrom,sendmsg,recvmsg"
# recvfrom(12<TCP:[127.0.0.1:4711->127.80.0.1:443]>, ...) = 55
CALL = re.compile(r"(\w+)\(\d+<(UDP|TCP)[^:]*:\[(.*?)\]>.*\) = (\d+)$")


class Octets:
    """Who is sent what by a process while this is open."""

    def __init__(self, ground, pid):
        self.prefix = os.path.join(ground.dir, "octets")
        self.pid = pid
        self.count = collections.Counter()

    def __enter__(self):
        # One file a thread: no call is interrupted by another's.
        self.strace = subprocess.Popen(
            ["strace", "-ff", "-yy", "-s", "0", "-e", "trace=" + CALLS,
             "-o", self.prefix, "-p", str(self.pid)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        threads = len(os.listdir(f"/proc/{self.pid}/task"))
        await_true(lambda: len(self._files()) >= threads, 10,
                   "strace of all threads")
        return self.count

    def _files(self):
        return glob.glob(glob.escape(self.prefix) + ".*")

    def __exit__(self, *_):
        self.strace.terminate()
        self.strace.wait()
        for path in self._files():
            with open(path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    self._add(CALL.match(line.rstrip("\n")))
            os.unlink(path)

    def _add(self, call):
        if not call:
            return
        name, kind, ends, octets = call.groups()
        peer = "policy host" if kind == "TCP" and \
            ends.endswith(":" + HTTPS_PORT) else "resolver"
        way = "from" if name.startswith(("re", "read")) else "to"
        self.count[way, peer] += int(octets)


def bound(ground, table, plan):
    """Domains whose policy demands DNSSEC."""
    traced = shutil.which("strace")
    if not traced:
        table.note("octets are left out: strace is not installed")
    cpu = {what: [] for what, *_ in CASES}
    queries = {what: [] for what, *_ in CASES}
    for _ in range(plan.cold_rounds):
        pid = _start(ground)
        for what, domains, _ in CASES:
            before_q, before = settled(ground), cpu_ns(pid)
            _ask_all(ground, domains)
            cpu[what].append((cpu_ns(pid) - before) / len(domains))
            queries[what].append((settled(ground) - before_q) / len(domains))
        ground.daemon_stop()
    octets = _octets(ground) if traced else {}
    for what, _, fewest in CASES:
        times = [ns / 1000 for ns in cpu[what]]
        table.row(f"cost, {what}", "CPU", f"{statistics.median(times):.0f} us",
                  "", None, f"{min(times):.0f}-{max(times):.0f}")
        asked = statistics.median(queries[what])
        table.row(f"cost, {what}", "queries", f"{asked:.1f}", f"{fewest}",
                  asked / fewest, "", "<= 1")
        for (way, peer), n in sorted(octets.get(what, {}).items()):
            table.row(f"cost, {what}", f"octets {way} {peer}", f"{n:.0f}", "",
                      None)


def _start(ground, **options):
    pid = ground.daemon_start(**options)
    for _ in range(2):
        ask(ground.socket("daemon"), WARM)
    return pid


def _ask_all(ground, domains):
    for domain in domains:
        ask(ground.socket("daemon"), domain)


def _octets(ground):
    out = {}
    pid = _start(ground, sandbox=False)
    for what, domains, _ in CASES:
        with Octets(ground, pid) as count:
            _ask_all(ground, domains)
            settled(ground)
        out[what] = {key: n / len(domains) for key, n in count.items()}
    ground.daemon_stop()
    return out
