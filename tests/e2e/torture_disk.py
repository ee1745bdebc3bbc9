"""A disk that is full or cannot be written to, a store that cannot be used.

The store lies on a small tmpfs. What was stored before stays, to the octet,
and goes on to count; what cannot be stored is told.
"""

import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request

from crowd import CONNECTIONS, ZONE, Failure, expect
from process import wait_for

SIZE = "2m"
FEW = 20
LARGER = "16m"
STRANGERS = 1500  # of 16 KB each
PATIENCE_S = 60.0


def mount(*words):
    """mount(8), or Failure."""
    done = subprocess.run(["mount", *words], capture_output=True, check=False,
                          text=True)
    expect(done.returncode == 0, f"mount {words}: {done.stderr}")


class SmallDisk:
    """A tmpfs on the daemon's store directory."""

    def __init__(self, path, size=SIZE):
        self.path = path
        self.size = size
        self.filler = os.path.join(path, "filler")

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={self.size},mode=0700", "none", self.path)
        return self

    def __exit__(self, *exc):
        # Lazily: after a failure the daemon may still have files open.
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def fill(self):
        """To the last octet."""
        with open(self.filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass

    def free(self):
        """There is room again."""
        os.unlink(self.filler)

    def read_only(self, wanted):
        """Nobody may have a file open for writing."""
        mount("-o", "remount," + ("ro" if wanted else "rw"), self.path)


def may_mount():
    """Whether this machine lets us."""
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, capture_output=True,
                          check=False).returncode == 0


def health(crowd):
    """Status and text of /healthz."""
    try:
        with urllib.request.urlopen(f"http://{crowd.metrics}/healthz") as got:
            return got.status, got.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()


class Told:
    """What the daemon logged about its store since the last look, in which so
    many recipients were answered. The log may be behind the answers."""

    def __init__(self, crowd, recipients=0):
        events = []

        def complete():
            events.extend(crowd.log())
            return sum(e.get("event") == "rcpt" for e in events) >= recipients
        wait_for(complete, PATIENCE_S, "a line for each recipient")
        events = [e for e in events if e.get("event") == "store"]
        self.domains = {e["domain"] for e in events if "domain" in e}
        self.states = [e["state"] for e in events if "state" in e]


def learn(crowd, domains):
    """Deferred because of a policy that was fetched just now, and stored."""
    crowd.expect_deferred(domains, "a new policy")
    stored = crowd.stored()
    for domain in domains:
        expect(domain in stored and int(stored[domain][0]) == crowd.number,
               f"{domain}: policy {crowd.number} is not stored")
    return stored


def full(crowd):
    """ENOSPC under a running daemon, and at its start."""
    old, new = crowd.domains[:FEW], crowd.domains[FEW:2 * FEW]
    with SmallDisk(crowd.daemon.store) as disk:
        crowd.start(verdict_ttl_min="0s", verdict_ttl_max="0s",
                    metrics=crowd.metrics)
        crowd.publish(1)
        before = learn(crowd, old)
        expect(health(crowd) == (200, "ok"), "healthy")
        disk.fill()
        crowd.publish(2)
        first = Told(crowd, len(old))
        expect(not first.domains and not first.states,
               "trouble before the disk was full")
        crowd.expect_deferred(old + new, "the disk is full")
        told = Told(crowd, len(old + new))
        # Freed pages may end an outage for a moment.
        n = len(told.states)
        expect(n % 2 == 1
               and told.states == ["no-writes", "writes"] * (n // 2)
               + ["no-writes"], f"told: {told.states}")
        told = told.domains
        _check_full(crowd, before, told, old + new)
        # The verdicts are not kept: what was not written is all there is.
        _without_txt(crowd, old + new, "the disk is full, no TXT record")
        _written_later(crowd, disk, old + new)
        disk.fill()
        crowd.kill()
        crowd.start(verdict_ttl_min="0s", verdict_ttl_max="0s")
        _without_txt(crowd, old, "restarted on a full disk")
        disk.free()
        crowd.publish(3)
        # The daemon's resolver remembers for a while that it has no TXT
        # records of the old ones.
        learn(crowd, new)
        crowd.check_bodies(crowd.stored())
        crowd.stop()
    print(f"diskfull: {len(told)} policies could not be stored and were "
          f"told, {len(before)} old ones kept")


def _check_full(crowd, before, told, domains):
    stored = crowd.stored()
    crowd.check_bodies(stored)
    expect(told, "the disk was full and nothing was told")
    unwritten = 0
    for domain in domains:
        kept = stored.get(domain)
        # Pages that the store itself had freed may take a small policy, also
        # later: what was told is tried again.
        if kept is None or kept[0] != "2":
            expect(domain in told, f"{domain}: not stored, nothing was told")
            expect(kept == before.get(domain),
                   f"{domain}: the old policy is not what it was")
            unwritten += 1
    expect(unwritten, "the disk took all of it")
    expect("are in memory alone" in crowd.status(False),
           "not in the status: what the disk did not take")
    code, why = health(crowd)
    expect(code == 503 and "cannot be written" in why,
           f"/healthz while policies are in memory alone: {code} {why}")


def _written_later(crowd, disk, domains):
    """With room, and nobody asking, all of it comes onto the disk."""
    crowd.log()
    disk.free()
    states = []
    def ended():
        states.extend(Told(crowd).states)
        return "writes" in states
    wait_for(ended, PATIENCE_S, "the policies that were held")
    expect(states == ["writes"], f"told: {states}")
    expect("are in memory alone" not in crowd.status(),
           "still in the status, though all is written")
    expect(health(crowd) == (200, "ok"), "healthy again")
    stored = crowd.stored()
    crowd.check_bodies(stored)
    for domain in domains:
        expect(domain in stored and stored[domain][0] == "2",
               f"{domain}: what was held is not stored")


def _without_txt(crowd, domains, what):
    crowd.hide()
    crowd.expect_deferred(domains, what)
    crowd.log()


def stranger_body(number):
    """A policy that does not bind, as large as the store keeps one."""
    lines = ["version: STSv1", "mode: enforce", "max_age: 864000"]
    lines += [f"mx: mx{i:04}.stranger{number:05}.example" for i in range(480)]
    return "".join(line + "\r\n" for line in lines)


def ask_strangers(crowd, strangers):
    """Whose domains bind nobody; each makes us store a policy."""
    answers = {}
    threads = [threading.Thread(
        target=lambda part: answers.update(crowd.ask(part)),
        args=(strangers[i::CONNECTIONS],)) for i in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for domain in strangers:
        expect(answers[domain][0] == "continue",
               f"{domain}: {answers[domain][0]}")


def crowded(crowd):
    """Strangers fill the disk; what binds has room (C-16)."""
    strangers = [f"stranger{i}.{ZONE}" for i in range(STRANGERS)]
    bound = crowd.domains[:FEW]
    with SmallDisk(crowd.daemon.store, LARGER):
        crowd.start(verdict_ttl_min="0s", verdict_ttl_max="0s",
                    metrics=crowd.metrics)
        crowd.publish(1)
        crowd.stage.policies.command({"set": {
            "mta-sts." + domain: {"body": stranger_body(i)}
            for i, domain in enumerate(strangers)}})
        ask_strangers(crowd, strangers)
        limits = [e for e in crowd.log() if e.get("event") == "limit"]
        expect(len(limits) == 1, f"told: {limits}")
        kept = [d for d in crowd.stored() if d.startswith("stranger")]
        expect(len(kept) < STRANGERS, "the disk took all strangers")
        crowd.expect_deferred(bound, "a new policy on a crowded disk")
        expect(health(crowd) == (200, "ok"), "healthy")
        crowd.kill()
        crowd.start(verdict_ttl_min="0s", verdict_ttl_max="0s")
        stored = crowd.stored()
        crowd.check_bodies({domain: stored[domain] for domain in bound})
        crowd.rule("A", "servfail")
        _without_txt(crowd, bound, "restarted, no TXT record, no policy host")
        crowd.stop()
    print(f"crowded: of {STRANGERS} strangers {len(kept)} were kept, and "
          f"{len(bound)} that bind beside them")


def read_only(crowd):
    """A file system that was mounted so: told at the start, nothing lost."""
    with SmallDisk(crowd.daemon.store) as disk:
        crowd.start()
        crowd.publish(1)
        before = learn(crowd, crowd.domains[:FEW])
        crowd.stop()
        disk.read_only(True)
        words = crowd.refused_start("read-only")
        expect(crowd.daemon.store in words and "ead-only" in words,
               f"not said what is wrong: {words}")
        disk.read_only(False)
        _as_before(crowd, before)
    print(f"readonly: {words.splitlines()[-1]}")


def _as_before(crowd, before):
    expect(crowd.stored() == before, "the store is not what it was")
    crowd.start()
    _without_txt(crowd, sorted(before), "after the repair")
    crowd.stop()


# --- a file that is not ours, damaged, or newer


def newer(octets):
    """The version in the meta record, lmdb_env.c."""
    name = b"dane-sts-milter\0"
    expect(name + b"\1" in octets, "no meta record found")
    return octets.replace(name + b"\1", name + b"\xff")


def foreign(octets):
    """Another program's LMDB file."""
    return octets.replace(b"dane-sts-milter\0", b"something-else.\0")


def shortened(octets):
    """The second half is gone."""
    return octets[:len(octets) // 8192 * 4096]


def overwritten(octets):
    """Garbage behind the first two pages."""
    return octets[:8192] + b"\xa5" * (len(octets) - 8192)


def text(_octets):
    """No LMDB file at all."""
    return b"This is somebody's shopping list.\n" * 500


SPOILT = {
    newer: "newer version",
    foreign: "another program",
    shortened: "",
    overwritten: "",
    text: "",
}


def unusable(crowd):
    """The daemon says so, does not start and leaves the file alone."""
    crowd.start()
    crowd.publish(1)
    before = learn(crowd, crowd.domains[:FEW])
    crowd.stop()
    path = os.path.join(crowd.daemon.store, "data.mdb")
    shutil.copy(path, path + ".good")
    with open(path, "rb") as f:
        good = f.read()
    for spoil, why in SPOILT.items():
        bad = spoil(good)
        with open(path, "wb") as f:
            f.write(bad)
        words = crowd.refused_start(spoil.__name__)
        expect(path in words or crowd.daemon.store in words,
               f"{spoil.__name__}: not said where: {words}")
        expect(why in words, f"{spoil.__name__}: not said what: {words}")
        with open(path, "rb") as f:
            if f.read() != bad:
                raise Failure(f"{spoil.__name__}: the file was changed")
        print(f"unusable: {spoil.__name__}: {words.splitlines()[-1]}")
    os.rename(path + ".good", path)
    _as_before(crowd, before)
