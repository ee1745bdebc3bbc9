"""Processes of the lab: started, awaited, recorded, ended.

What was started is recorded below DIR/run with its start time, so that a
later `lab` finds it again and never ends a process that merely got the same
number.
"""

import json
import os
import select
import signal
import socket
import subprocess
import time

POLL_S = 0.02


class LabError(Exception):
    """Something that the person at the terminal has to be told."""


def wait_for(condition, timeout_s, what):
    """Await condition() to be true and return its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout_s:g} s")
        time.sleep(POLL_S)


def accepts(address, port):
    """Whether somebody listens on a TCP port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def start_time(pid):
    """Of a running process, in clock ticks; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


class Processes:
    """The processes of one lab directory."""

    def __init__(self, directory):
        self.run_dir = os.path.join(directory, "run")
        self.log_dir = os.path.join(directory, "log")
        for path in (self.run_dir, self.log_dir):
            os.makedirs(path, exist_ok=True)

    def _record(self, name):
        return os.path.join(self.run_dir, name + ".json")

    def adopt(self, name, pid):
        """Record a process that put itself into the background. Threads may
        read the record meanwhile."""
        record = {"pid": pid, "start": start_time(pid)}
        new = os.path.join(self.run_dir, name + ".new")
        with open(new, "w", encoding="ascii") as f:
            json.dump(record, f)
        os.rename(new, self._record(name))

    def pid(self, name):
        """Of a process that still runs, else None."""
        try:
            with open(self._record(name), encoding="ascii") as f:
                record = json.load(f)
        except FileNotFoundError:
            return None
        alive = start_time(record["pid"])
        return record["pid"] if alive and alive == record["start"] else None

    def names(self):
        """Every process on record, oldest first."""
        entries = [e for e in os.scandir(self.run_dir)
                   if e.name.endswith(".json")]
        entries.sort(key=lambda e: e.stat().st_mtime_ns)
        return [e.name[:-len(".json")] for e in entries]

    def output(self, name):
        """Where the standard output and error of a process go."""
        return os.path.join(self.log_dir, name + ".out")

    def start(self, name, argv, ready, timeout_s=15.0, env=None):
        """Start argv and await ready()."""
        if self.pid(name):
            raise LabError(f"{name} runs already")
        with open(self.output(name), "ab") as out:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, start_new_session=True)
        self.adopt(name, child.pid)

        def up():
            status = child.poll()
            if status is not None:
                os.unlink(self._record(name))
                raise LabError(f"{name} ended at once with status {status}: "
                               + self.last_words(name))
            return ready()
        wait_for(up, timeout_s, f"start of {name}")
        return child.pid

    def last_words(self, name):
        """The end of what a process printed."""
        try:
            with open(self.output(name), encoding="utf-8",
                      errors="replace") as f:
                return f.read()[-2000:].strip()
        except FileNotFoundError:
            return ""

    def send(self, name, signum):
        """Send a signal to a process that runs."""
        pid = self.pid(name)
        if pid is None:
            raise LabError(f"{name} does not run")
        os.kill(pid, signum)

    def stop(self, name, timeout_s=20.0, signum=signal.SIGTERM):
        """End a process. False: it had to be killed."""
        pid = self.pid(name)
        gentle = True
        if pid is not None:
            gentle = self._end(pid, timeout_s, signum)
        try:
            os.unlink(self._record(name))
        except FileNotFoundError:
            pass
        return gentle

    @staticmethod
    def _end(pid, timeout_s, signum):
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            signal.pidfd_send_signal(fd, signum)
            if select.select([fd], [], [], timeout_s)[0]:
                return True
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            select.select([fd], [], [], timeout_s)
            return False
        except ProcessLookupError:
            return True
        finally:
            os.close(fd)
