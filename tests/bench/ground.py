"""The lab's DNS and policy hosts without its MTA, and programs to measure."""

import collections
import os
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lab"))

from daemon import bindir, listening  # noqa: E402
from process import LabError, Processes  # noqa: E402
from stage import Stage  # noqa: E402

LOAD_SLACK_S = 60


class Ground(Stage):
    """One lab directory. Servers are started and stopped by name."""

    def __init__(self, directory):
        super().__init__(directory, Processes(directory))
        self.sockets = os.path.join(directory, "sockets")
        os.makedirs(self.sockets, exist_ok=True)

    def up(self):
        try:
            self._start_world()
        except BaseException:
            self.down()
            raise

    def socket(self, name):
        """A unix socket's name, as libmilter writes it."""
        return "unix:" + os.path.join(self.sockets, name)

    def daemon_start(self, wrapper=(), **options):
        """dane-sts-milter with nothing remembered; its pid. wrapper: a command
        that becomes the daemon."""
        merged = self.info()["daemon"]
        merged.update(socket=self.socket("daemon"), policy_socket="unix:" +
                      os.path.join(self.sockets, "daemon-map"))
        merged.update(options)
        self.daemon.start(merged, wrapper)
        return self.processes.pid(self.daemon.NAME)

    def daemon_stop(self):
        self.daemon.stop()
        self.daemon.wipe()

    def serve(self, name, *words):
        """One of the programs beside this file on a socket of its name."""
        program = os.path.join(bindir(), "tests", "bench", name)
        socket = self.socket(name)
        return self.processes.start(name, [program, socket, *words],
                                    listening(socket))


def load(name, socket, connections, seconds, keys, pid=None, words=()):
    """Run a load generator; its figures, and those of each key."""
    argv = [os.path.join(bindir(), "tests", "bench", name), *words]
    if pid:
        argv += ["-p", str(pid)]
    argv += [socket, str(connections), str(seconds), *keys]
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          timeout=seconds + LOAD_SLACK_S)
    if done.returncode != 0:
        raise LabError(f"{name}: {done.stderr.strip()}")
    lines = [figures(line) for line in done.stdout.splitlines()]
    return lines[0] | {"keys": {line["key"]: line for line in lines[1:]}}


def figures(line):
    """name=value words as numbers, but for the key."""
    out = {}
    for word in line.split():
        name, _, value = word.partition("=")
        out[name] = value if name == "key" else float(value)
    return out


def cpu_s(pid):
    """CPU time of a process, all its threads."""
    with open(f"/proc/{pid}/stat", "rb") as f:
        fields = f.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """The same, of the threads that are there, and not in ticks."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def wake_ups(pid):
    """How often its threads have gone to sleep so far, by their names."""
    total = collections.Counter()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in f
                          if ":\t" in line)
        total[fields["Name"]] += int(fields["voluntary_ctxt_switches"])
    return total


class Pairs:
    """A and B in turns; ratios within a turn are what counts, for what else
    the machine does hits both."""

    def __init__(self, rounds, a, b):
        self.a, self.b = [], []
        for i in range(rounds):
            order = ((a, self.a), (b, self.b))
            for run, results in order if i % 2 == 0 else order[::-1]:
                results.append(run())

    @staticmethod
    def _of(results, field):
        return [result[field] for result in results]

    def median(self, side, field):
        return statistics.median(self._of(getattr(self, side), field))

    def ratio(self, field, inverse=False):
        """Median and spread of A's figure by B's."""
        ratios = [a[field] / b[field] if b[field] else float("nan")
                  for a, b in zip(self.a, self.b)]
        if inverse:
            ratios = [1 / ratio for ratio in ratios]
        return statistics.median(ratios), min(ratios), max(ratios)


def await_true(condition, timeout_s, what):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.01)
