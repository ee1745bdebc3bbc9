"""Everything at once, in random order, under load.

For a bounded time recipients of all kinds are asked about, while the daemon is
killed, restarted and reloaded, DNS servers and policy hosts go and come, the
answers are tampered with, the clock jumps back and forth, and the store's disk
is full or its server fails. Then it must hold that

	no recipient of a bound domain passed on data that was not secure,
	every recipient was answered within the deadline and a second,
	what was logged as used is stored, in that or a later version,
	the daemon ended only when it was told to, and
	its memory, threads and open files are as they were after its warm-up.

What is known to lose policies is not done: to kill the daemon while the disk is
full or the server of its store is down, before what was held for it is written
(they are held in memory alone). Deferrals of domains that could be had are
right during all this; after each storm, all is good again and has to be found
good.
"""

import collections
import contextlib
import os
import random
import subprocess
import time

import milter
from chaos_book import Book, flat, size
from chaos_load import DEADLINE_S, DEFER, PASS, REMEMBER_S, Load
from chaos_world import (ATTACKS, DAY, DNS_TIMEOUT_S, DUMB, FORGED, FRAGMENT,
                         FREE, SECURE, Chaos)
from crowd import Failure, expect
from daemon import Daemon
from process import LabError, wait_for
from torture_disk import SmallDisk, may_mount

CROWD = 24
DISK = "24m"
PATIENCE_S = 60.0
SIEGE_S = 1.0
KILL_MAX_S = 0.5
RELOADS = 15
HARMFUL = [name for name, (_, harmless) in ATTACKS.items() if not harmless]
# Of the store, in the log.
TROUBLE_BEGINS = {"no-writes", "down", "lost"}
TROUBLE_ENDS = {"writes", "up", "put-back"}
STORM = 12          # events between two calms
PAUSE_MAX_S = 1.2
# The last daemon, which is looked at for leaks, is warm after a storm: by then
# its caches are full, and what is taken once has been taken.
WARM_AT, MEASURED_AT = 0.5, 0.75
MEASUREMENTS = 3
SHORT_S = 60  # too short for a storm to get warm in
# Jumps stay within the validity of the lab's signatures and certificates, and
# any two of them within max_age.
OFFSETS_S = (0, 0, 600, 3600, 5 * 3600, DAY, 3 * DAY, 6 * DAY, -60, -3600,
             -20 * 3600)
BAD_CONFIGS = (
    {"no_such_option": "yes"},
    {"deadline": "never"},
    {"trust_anchor": "/nowhere/root.key"},
    {"ca_file": "/nowhere/ca.pem"},
    {"resolvers": ["no address"]},
)


class Storm:
    """The run."""

    def __init__(self, crowd, seed, disk, redis):
        self.crowd = crowd
        self.seed = seed
        self.disk = disk
        self.dice = random.Random(seed)
        self.chaos = Chaos(crowd, redis)
        self.redis = self.chaos.redis
        self.load = Load(self.chaos, seed)
        self.events = []
        self.book = Book(self.chaos, self.events, self.load.lag)
        self.offset_s = 0
        self.may_end = True
        fragment = os.path.join(crowd.daemon.home, "unbound.conf")
        with open(fragment, "w", encoding="ascii") as f:
            f.write(FRAGMENT)
        crowd.options.update(
            unbound_conf=fragment, deadline=f"{DEADLINE_S * 1000:g}ms",
            dns_timeout=f"{DNS_TIMEOUT_S}s", fetch_timeout="2s",
            fetch_backoff="1s", refresh_interval="5s",
            verdict_ttl_min="0s", verdict_ttl_max="0s")
        if self.redis:
            crowd.options["store"] = self.redis.spec

    # --- events; each is an entry of the sequence that the seed gives

    def do_kill(self):
        """SIGKILL, most often while new policies come in, and another."""
        self.do_publish()
        time.sleep(self.dice.uniform(0, KILL_MAX_S))
        self.chaos.end(self.crowd.kill)
        self.book.check_store()
        self.chaos.start()

    def do_restart(self):
        """SIGTERM, and another."""
        self.chaos.end(self.crowd.stop)
        self.book.check_store()
        self.chaos.start()

    def do_reload(self):
        """A good configuration."""
        self.crowd.options.update(
            verdict_ttl_max=self.dice.choice(("0s", "1s")),
            hosts=self.dice.choice(("all", "any")),
            fetch_timeout=self.dice.choice(("1s", "2s", "3s")),
            refresh_interval=self.dice.choice(("2s", "5s", "1d")))
        since = time.monotonic()
        if self.dice.random() < 0.5:
            self.crowd.daemon.write_config(self.crowd.options)
            self._tool("reload")
        else:
            self._signalled(self.crowd.options, "info")
        self.chaos.renewed(since)

    def do_reload_bad(self):
        """One that is refused. It would let all pass."""
        bad = {**self.crowd.options, "mode": "monitor",
               **self.dice.choice(BAD_CONFIGS)}
        if self.dice.random() < 0.5:
            self.crowd.daemon.write_config(bad)
            words = self._tool("reload", good=False)
            expect(words, "a bad configuration was refused without a word")
        else:
            self._signalled(bad, "error")
        self.crowd.daemon.write_config(self.crowd.options)

    def _signalled(self, options, what):
        """SIGUSR1, and what came of it in the log."""
        self.book.read()
        before = self.book.reloads[what]
        self.crowd.daemon.reload(options)
        self._until(lambda: self.book.reloads[what] > before,
                    f"a reload, {what}")

    def _tool(self, *words, good=True):
        done = subprocess.run(self.crowd.stage.tool_argv(words)[:1]
                              + ["-c", self.crowd.daemon.config, *words],
                              capture_output=True, check=False, text=True,
                              timeout=PATIENCE_S)
        expect((done.returncode == 0) == good,
               f"dane-sts {words}: status {done.returncode}: {done.stderr}")
        return done.stdout + done.stderr

    def _until(self, condition, what):
        """Await it, unless something goes wrong before."""
        def is_so():
            self.look()
            return condition()
        wait_for(is_so, PATIENCE_S, what)

    def do_attack(self):
        """On the path, until the next one."""
        self.chaos.set_attack(self.dice.choice(list(ATTACKS)))

    def do_peace(self):
        """Nobody tampers."""
        self.chaos.set_attack(None)

    def do_siege(self):
        """Until nothing can be remembered of how it was before."""
        self.chaos.set_attack(self.dice.choice(HARMFUL))
        time.sleep(REMEMBER_S + SIEGE_S)

    def _toggle(self, which):
        self.chaos.set_server(which, which in self.chaos.down)

    def do_resolver(self):
        """The forwarder's resolver goes or comes."""
        self._toggle("unbound")

    def do_authority(self):
        """An authoritative server goes or comes."""
        self._toggle(self.dice.choice(("nsd-customers", "nsd-test")))

    def do_hosts(self):
        """The policy hosts go or come."""
        self.chaos.set_hosts("hosts" in self.chaos.down)

    def do_publish(self):
        """New policies for the crowd."""
        if "hosts" not in self.chaos.down:
            self.chaos.publish()

    def do_clock(self):
        """A jump."""
        self._jump(self.dice.choice(OFFSETS_S))

    def _jump(self, offset_s):
        """Set back, the daemon takes an empty resolver."""
        self.book.read()
        before = self.book.set_backs
        back = offset_s < self.offset_s
        since = time.monotonic()
        self.offset_s = offset_s
        self.chaos.set_clock(offset_s)
        if not back or not self.chaos.wrapper:
            return
        self._until(lambda: self.book.set_backs > before,
                    "what is done when the clock is set back")
        self.chaos.renewed(since)

    def do_disk(self):
        """Full, and free again once policies had to be held for it."""
        if not self.disk:
            return
        self.disk.fill()
        self.do_publish()
        time.sleep(self.dice.uniform(0.5, 2))
        self.disk.free()
        self._all_written()

    def _all_written(self):
        """A store that could not be written to can, and has been."""
        def settled():
            states = [state for state in self.book.store_states
                      if state in TROUBLE_BEGINS | TROUBLE_ENDS]
            return not states or states[-1] in TROUBLE_ENDS
        self._until(settled, "the end of the store's trouble")

    def do_redis(self):
        """The server of the store stands still, is killed, or is emptied."""
        if not self.redis:
            return
        how = self.dice.choice(("freeze", "kill", "flush"))
        # What the daemon has not read since its start only the server knows.
        self.crowd.ask(self.book.bound)
        if how == "freeze":
            self.redis.freeze()
            time.sleep(self.dice.uniform(0.5, 6))
            self.redis.thaw()
        elif how == "kill":
            self.redis.kill()
            time.sleep(self.dice.uniform(0, 3))
            self.redis.start()
        else:
            expect(self.redis.say("FLUSHALL") == "+OK", "FLUSHALL")
        self._all_written()
        self._until(lambda: self.book.bound <= set(self.book.stored()),
                    "all policies on the server again")

    # --- the sequence

    def _choices(self):
        often = ["reload", "reload_bad", "attack", "attack", "siege", "peace",
                 "resolver", "authority", "hosts", "publish", "publish",
                 "clock", "clock", "redis" if self.redis else "disk"]
        return often + ["kill", "restart"] * 2 if self.may_end else often

    def storm(self, until_s):
        """Events until then, with calms in between."""
        n = 0
        while time.monotonic() < until_s:
            self.event(self.dice.choice(self._choices()))
            time.sleep(self.dice.uniform(0, PAUSE_MAX_S))
            n += 1
            if n % STORM == 0:
                self.calm()
        self.calm()

    def burst(self):
        """Many at once: resolvers of all of them are there for a moment."""
        self.events.append("burst")
        for _ in range(RELOADS):
            self.do_reload()
        self.calm()

    def event(self, name):
        """One, and whether all is well."""
        self.events.append(name)
        getattr(self, "do_" + name)()
        if name in ("attack", "siege"):
            self.events[-1] += f":{self.chaos.attack}"
        elif name == "clock":
            self.events[-1] += f":{self.offset_s:+d}"
        self.look()

    def pid(self):
        """Of the daemon, None if it has died."""
        return self.chaos.pid()

    def look(self):
        """What the load and the log say."""
        expect(not self.load.wrong, "; ".join(self.load.wrong[:5]))
        if True in self.chaos.up.now():
            expect(self.pid() is not None,
                   "the daemon has died: "
                   + self.crowd.processes.last_words(Daemon.NAME))
        self.book.read()

    def calm(self):
        """All is good again, and has to be found good."""
        self.events.append("calm")
        for which in sorted(self.chaos.down - {"hosts"}):
            self.chaos.set_server(which, True)
        if "hosts" in self.chaos.down:
            self.chaos.set_hosts(True)
        self.chaos.set_attack(None)
        self._jump(0)
        # A key that libunbound took for bad it takes for bad for a minute more,
        # whatever its options say. The resolver of a reload knows of none.
        self.do_reload()
        for domain in (*SECURE, *FREE):
            self._becomes(domain, PASS)
        for domain in (*self.crowd.domains, *FORGED):
            self._becomes(domain, DEFER)
        self.look()

    def _becomes(self, domain, wanted):
        answers = []
        def is_so():
            with milter.Session(self.crowd.socket, 30.0) as session:
                session.mail()
                answers.append(self.load.ask(session, domain))
            return answers[-1].startswith(wanted)
        try:
            wait_for(is_so, PATIENCE_S, "")
        except LabError:
            raise Failure(f"all is well, and {domain} is answered "
                          f"{answers[-1]}") from None

    # --- all of it

    def learn(self):
        """Every policy that binds, before anything else."""
        self.chaos.start()
        self.chaos.learn()
        def learned():
            self.crowd.ask(self.book.bound)
            return self.book.bound <= set(self.book.stored())
        wait_for(learned, PATIENCE_S, "all policies in the store")
        self.chaos.hold()
        wait_for(lambda: self._deferred((*FORGED, *DUMB)), PATIENCE_S,
                 "what was cached of domains that are forged from now on")
        self.book.read()
        self.book.learned = True

    def _deferred(self, names):
        answers = self.crowd.ask(names)
        return all(answer.startswith(DEFER) for answer, _ in answers.values())

    def run(self, seconds):
        """Raises Failure."""
        self.learn()
        begun = time.monotonic()
        self.load.start()
        try:
            self.storm(begun + seconds * WARM_AT)
            self.may_end = False
            self.event("restart")
            if seconds >= SHORT_S:
                self.storm(begun + seconds * MEASURED_AT)
            times = MEASUREMENTS if seconds >= SHORT_S else 1
            before = self._idle(times)
            self.storm(begun + seconds)
            after = self._idle(times)
        finally:
            self.load.stop()
        self.look()
        after = flat(self.pid(), before)
        self.book.check_store()
        self.chaos.end(self.crowd.stop)
        self.look()
        return before, after

    def _idle(self, times):
        """Its size without load, after resolvers of all of them were there: the
        largest of some, as malloc gives back what is free now and then."""
        sizes = []
        for _ in range(times):
            self.burst()
            self.load.stop()
            self.look()
            sizes.append(size(self.pid()))
            self.load.start()
        return tuple(map(max, zip(*sizes)))

    def report(self, before, after):
        """What there was."""
        n = collections.Counter(e.partition(":")[0] for e in self.events)
        print("chaos: " + ", ".join(f"{n[e]} {e}" for e in sorted(n)))
        for (kind, answer), count in sorted(self.load.kinds.items()):
            print(f"chaos: {count:7} {kind:7} {answer}")
        for what, count in sorted(self.book.told.items()):
            print(f"chaos: told {count:5} times: {what}")
        print(f"chaos: {self.load.sharp} refusals of domains that were secure "
              f"before; longest wait {self.load.slowest:.2f} s; "
              f"{self.load.broken} connections ended with a daemon; "
              f"{len(self.book.used)} policies used, none lost")
        print(f"chaos: kB, threads, files of the last daemon: {before}, then "
              f"{after}")


def run(crowd, seconds, seed, redis):
    """Raises Failure."""
    print(f"chaos: {seconds} s, seed {seed}", flush=True)
    with contextlib.ExitStack() as stack:
        disk = None
        if not redis and may_mount():
            disk = stack.enter_context(SmallDisk(crowd.daemon.store, DISK))
        os.makedirs(crowd.daemon.home, exist_ok=True)
        storm = Storm(crowd, seed, disk, redis)
        if redis:
            storm.redis.start()
        if not storm.chaos.wrapper:
            print("chaos: without jumps of the clock: this build bears no "
                  "library before its own")
        if not redis and disk is None:
            print("chaos: without a full disk: must not mount a tmpfs")
        stack.callback(storm.chaos.restore)
        try:
            sizes = storm.run(seconds)
        except LabError as failure:
            raise Failure(f"seed {seed}, after {' '.join(storm.events)}: "
                          f"{failure}") from None
        storm.report(*sizes)
