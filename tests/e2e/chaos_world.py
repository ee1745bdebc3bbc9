"""What is done to the daemon and its world during a chaos run, and what the
world truly was at any moment.

Every domain here is bound but those of FREE and SILENT. Whether a bound domain
had secure data to be found changes under the daemon's feet, so that it is
written down with both values for as long as the change takes: where the world
changed during a request, either answer is right.
"""

import os
import signal
import threading
import time

from clock import Clock
from crowd import ZONE, expect, policy_body
from daemon import Daemon
from domains import GUARDED_KINDS
from process import wait_for
from torture_redis import Server
from world import World

GUARDED = "guarded.test"
PLAIN = [f"{kind}{suffix}.{GUARDED}" for kind, own in GUARDED_KINDS.items()
         if not own for suffix in ("", "-bound")]
SECURE, FORGED, DUMB = PLAIN[:16], PLAIN[16:24], PLAIN[24:28]
GUARDED_ID = "hostile1"
SOON = "soon.test"
SOON_S = 1800
FREE = ["plain.test", "flagno.test"]
SILENT = "silent.hostile.test"
BODY = "version: STSv1\r\nmode: enforce\r\nmx: *.{0}\r\nmax_age: 864000\r\n" \
    "dnssec: yes\r\n"
PATIENCE_S = 60.0
DAY = 86400
# What the validator inside the daemon remembers, and how long it asks.
TTL_S = 1
DNS_TIMEOUT_S = 2
FRAGMENT = f"""\
server:
	local-zone: "test." transparent
	trust-anchor-signaling: no
	cache-max-ttl: {TTL_S}
	cache-max-negative-ttl: {TTL_S}
	val-bogus-ttl: {TTL_S}
	infra-host-ttl: 1
"""

# What an attacker does to the answers about the domains SECURE, and whether
# secure data can be had all the same.
ATTACKS = {
    "strip": (f".{GUARDED} * strip", False),
    "forge": (f".{GUARDED} MX forge 60 '10 mx.{ZONE}.'", False),
    "addresses": (f".{GUARDED} A forge 60 192.0.2.1", False),
    "hide": (f".{GUARDED} TXT servfail", True),
    "deny": (f".{GUARDED} TXT nodata", True),
    "drop": (f".{GUARDED} * drop", False),
    "servfail": (f".{GUARDED} * servfail", False),
    "nxdomain": (f".{GUARDED} * nxdomain", False),
    "strip-all": ("* * strip", False),
    "drop-all": ("* * drop", False),
}


class Truth:
    """The values that something had, by time. Any thread."""

    def __init__(self, value):
        self._lock = threading.Lock()
        self._past = [(0.0, {value})]

    def _note(self, values):
        with self._lock:
            self._past.append((time.monotonic(), values))

    def changing(self, value):
        """From now on it may be either."""
        self._note(self.now() | {value})

    def changed(self, *values):
        """From now on it is this."""
        self._note(set(values))

    def now(self):
        """Its values."""
        with self._lock:
            return self._past[-1][1]

    def between(self, since, until):
        """All that it was."""
        values = set()
        with self._lock:
            end = float("inf")
            for begin, had in reversed(self._past):
                if begin <= until and end >= since:
                    values |= had
                if end < since:
                    break
                end = begin
        return values


class ChaosClock(Clock):
    """What time the daemon believes it is, and believed."""

    def __init__(self, home):
        super().__init__(home)
        self.offset = Truth(0)

    def set(self, wall_s, monotonic_s=0):
        """A jump, under a daemon that runs."""
        self.offset.changing(wall_s)
        super().set(wall_s, monotonic_s)
        self.offset.changed(wall_s)


class Servers:
    """The lab's DNS servers, stopped and started."""

    def __init__(self, directory):
        self.world = World(os.path.join(directory, "world"))

    def _pid(self, *words):
        with open(self.world.dir / "pids", encoding="ascii") as f:
            pids = [line.split()[0] for line in f]
        for pid in reversed(pids):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().decode().split("\0")[:-1] == list(words):
                        return int(pid)
            except FileNotFoundError:
                pass
        return None

    def _words(self, which):
        program = "unbound" if which == "unbound" else "nsd"
        return program, "-d", "-c", str(self.world.dir / f"{which}.conf")

    def stop(self, which):
        """unbound, or one of nsd-root, nsd-test, nsd-customers."""
        pid = self._pid(*self._words(which))
        expect(pid is not None, f"{which} does not run")
        os.kill(pid, signal.SIGTERM)
        def gone():
            self.world.reap()
            return self._pid(*self._words(which)) is None
        wait_for(gone, PATIENCE_S, f"the end of {which}")

    def start(self, which):
        """Whoever asks it finds it there a moment later."""
        self.world.spawn(*self._words(which))


class PolicyHost:
    """The lab's policy hosts, stopped and started."""

    def __init__(self, stage):
        self.policies = stage.policies
        self.address = stage.info()["dns"]["policy"]
        self.ipv6 = stage.info()["policy_ipv6"]
        self.bodies = {}

    def serve(self, bodies):
        """Domain: policy, also after a restart."""
        self.bodies.update(bodies)
        self.policies.command({"set": {"mta-sts." + name: {"body": body}
                                       for name, body in bodies.items()}})

    def stop(self):
        """Nobody listens."""
        self.policies.stop()

    def start(self):
        """As it was."""
        self.policies.restart(self.address, self.ipv6)
        self.serve(self.bodies)


class Chaos:
    """The world, and what may happen to it. Its methods are for one thread;
    the truths are for any."""

    def __init__(self, crowd, redis):
        self.crowd = crowd
        self.clock = ChaosClock(crowd.daemon.home)
        self.wrapper = self.clock.wrapper()
        self.servers = Servers(crowd.stage.dir)
        self.hosts = PolicyHost(crowd.stage)
        self.redis = Server(crowd) if redis else None
        self.secure = Truth(True)
        self.up = Truth(False)
        self.renewed_s = 0.0  # when the daemon got an empty resolver
        self.set_back_s = 0.0  # when its clock last jumped back
        self.attack = None
        self.learned = False
        self.down = set()
        with open(self._zone_file(SOON), "rb") as f:
            self.soon_ends_s = os.fstat(f.fileno()).st_mtime + SOON_S

    def _zone_file(self, name):
        return os.path.join(self.crowd.stage.dir, "world", "zones",
                            name + ".served")

    # --- DNS

    def _rules(self):
        """All that holds, at once; the newest counts."""
        def rule(words):
            self.crowd.control.command("next fwd " + words)
        zone = "." + ZONE
        address, number = self.crowd.policy_address, self.crowd.number
        for words in (f"{zone} * nodata", f"{zone} A forge 0 {address}",
                      f"{zone} MX forge 0 '10 mx.{ZONE}.'",
                      f"{zone} TXT forge 0 '\"v=STSv1; id={number};\"'",
                      f".{SILENT} * drop"):
            rule(words)
        if self.attack:
            rule(ATTACKS[self.attack][0])
        if self.learned:
            for domain in FORGED:
                rule(f"{domain} MX forge 60 '10 mx.{ZONE}.'")
            for domain in DUMB:
                for name in (domain, "mx." + domain, "_mta-sts." + domain):
                    rule(f"{name} * drop")
        self.crowd.control.command("swap")

    def _change(self, act):
        """While the rules are written anew, anything may be true."""
        self.secure.changing(True)
        self.secure.changing(False)
        act()
        if self.attack and not ATTACKS[self.attack][1] \
                or "unbound" in self.down:
            self.secure.changed(False)
        elif self.down & {"nsd-root", "nsd-test", "nsd-customers"}:
            self.secure.changed(True, False)
        else:
            self.secure.changed(True)

    def set_attack(self, name):
        """One of ATTACKS, or None."""
        self.attack = name
        self._change(self._rules)

    def publish(self):
        """The next number of all policies of the crowd."""
        self.crowd.number += 1
        self.hosts.serve({domain: policy_body(domain, self.crowd.number)
                          for domain in self.crowd.domains})
        self._change(self._rules)

    def set_server(self, which, wanted):
        """A DNS server up or down."""
        def act():
            if wanted:
                self.down.discard(which)
                self.servers.start(which)
            else:
                self.servers.stop(which)
                self.down.add(which)
        self._change(act)

    def set_hosts(self, wanted):
        """The policy hosts up or down."""
        if wanted:
            self.hosts.start()
            self.down.discard("hosts")
        else:
            self.hosts.stop()
            self.down.add("hosts")

    # --- the daemon

    def start(self):
        """Has nothing in memory. It listens before it has begun to work."""
        self.renewed_s = time.monotonic()
        self.up.changing(True)
        self.crowd.daemon.start(self.crowd.options, self.wrapper)
        self.crowd.ask(FREE)
        self.up.changed(True)

    def pid(self):
        """Of the daemon, None if there is none."""
        return self.crowd.processes.pid(Daemon.NAME)

    def end(self, act):
        """SIGKILL or SIGTERM."""
        self.up.changing(False)
        act()
        self.up.changed(False)

    def renewed(self, since_s):
        """A configuration was taken, and with it a new resolver."""
        self.renewed_s = since_s

    def set_clock(self, offset_s):
        """Back or forth. Nothing if it cannot be moved."""
        if not self.wrapper:
            return
        if offset_s < min(self.clock.offset.now()):
            self.set_back_s = time.monotonic()
        self.clock.set(offset_s)

    def memory_from(self, begun_s, remember_s):
        """Of what time may what an answer rests on be? What libunbound has
        cached it keeps for longer when its clock is set back."""
        if self.set_back_s >= self.renewed_s and self.set_back_s:
            return min(self.renewed_s, begun_s - remember_s)
        return begun_s - remember_s

    # --- what must be

    def learn(self):
        """Serve policies for all."""
        names = [*SECURE, *FORGED, *DUMB, SOON]
        self.hosts.serve({name: BODY.format(name) for name in names})
        self.publish()

    def hold(self):
        """From now on FORGED and DUMB are what they are called."""
        self.learned = True
        self._change(self._rules)

    def restore(self):
        """The world as others know it."""
        for which in sorted(self.down - {"hosts"}):
            self.set_server(which, True)
        if "hosts" in self.down:
            self.set_hosts(True)
        self.crowd.control.command("clear")
        self.crowd.stage.policies.set(self.crowd.stage.domain(SOON), "ok")
