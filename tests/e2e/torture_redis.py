"""A Redis server that fails in every way (C-01).

Policies are learned, then the TXT records are suppressed and the verdict cache
is off, so that the store is all there is. However the server fails, each
recipient is deferred, none waits longer than the deadline and a second, and
each outage is told once.
"""

import os
import shutil
import signal
import socket

from crowd import expect
from process import wait_for

PROGRAM = "redis-server"
DEADLINE_S = 4.0
PATIENCE_S = 30.0
SECOND_HOST = 204  # beside HOST of crowd.py


def is_installed():
    """Whether there is a server to be had."""
    return shutil.which(PROGRAM) is not None


class Server:
    """A redis-server with a unix socket alone."""

    def __init__(self, crowd):
        self.processes = crowd.processes
        self.dir = os.path.join(crowd.daemon.home, "redis")
        self.path = os.path.join(self.dir, "socket")
        os.makedirs(self.dir)

    @property
    def spec(self):
        """As the option `store` has it."""
        return "redis+unix:" + self.path

    def start(self):
        """Empty, but for what SAVE wrote."""
        self.processes.start(PROGRAM, [
            PROGRAM, "--port", "0", "--unixsocket", self.path, "--save", "",
            "--appendonly", "no", "--dir", self.dir, "--daemonize", "no"],
            self.answers)

    def kill(self):
        """SIGKILL; what was not saved is gone."""
        self.processes.stop(PROGRAM, signum=signal.SIGKILL)

    def freeze(self):
        """It takes connections and says nothing."""
        self.processes.send(PROGRAM, signal.SIGSTOP)

    def thaw(self):
        """Goes on where it stopped."""
        self.processes.send(PROGRAM, signal.SIGCONT)

    def say(self, *words):
        """One command; the first line of the reply."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE_S)
            s.connect(self.path)
            s.sendall(" ".join(words).encode() + b"\r\n")
            return s.makefile("rb").readline().strip().decode()

    def answers(self):
        """Whether it is up."""
        try:
            return self.say("PING") == "+PONG"
        except OSError:
            return False


class Outages:
    """The run: what the daemon said about its store."""

    def __init__(self, crowd, server):
        self.crowd = crowd
        self.server = server
        self.told = []
        self.slowest = 0.0

    def listen(self):
        """How often each state of the store was told so far."""
        self.told += [e.get("state") for e in self.crowd.log()
                      if e.get("event") == "store"]
        return self.told

    def ask(self, what):
        """Every recipient."""
        slowest = self.crowd.expect_deferred(
            self.crowd.domains, what, DEADLINE_S + 1)
        self.slowest = max(self.slowest, slowest)

    def outage(self, what, begin, end, copies=1):
        """One, from its beginning to its end, with recipients all along."""
        before = self.listen().count("down")
        begin()
        for i in range(3):
            self.ask(f"{what}, pass {i + 1}")
        expect(self.listen().count("down") == before + copies,
               f"{what}: told {self.told}")
        end()
        self.await_up(what)
        self.ask(f"after {what}")
        self.await_stored(what)

    def await_up(self, what):
        """The daemon has found the server again."""
        wait_for(lambda: self.listen().count("up")
                 == self.told.count("down"), PATIENCE_S, f"the end of {what}")

    def await_stored(self, what):
        """The server has every policy, as it was served."""
        def complete():
            stored = self.crowd.stored(self.server.spec)
            self.crowd.check_bodies(stored)
            return len(stored) == len(self.crowd.domains)
        wait_for(complete, PATIENCE_S, f"all policies after {what}")

    def flush(self):
        """Somebody empties the database under a server that is up."""
        before = list(self.listen())
        expect(self.server.say("FLUSHALL") == "+OK", "FLUSHALL")
        self.ask("FLUSHALL")
        self.await_stored("FLUSHALL")
        expect(self.listen().count("down") == before.count("down"),
               f"FLUSHALL is no outage: {self.told}")

    def restart(self):
        """A daemon that has nothing in memory reads what the server has."""
        self.crowd.kill()
        self.crowd.log()
        self.crowd.start()
        self.crowd.hide()
        self.ask("the daemon was killed")


    def restart_without(self):
        """D-20: a daemon that starts while the server is down has nothing."""
        expect(self.server.say("SAVE") == "+OK", "SAVE")
        self.crowd.kill()  # first, so that it cannot tell of the server's end
        self.server.kill()
        self.listen()
        before = self.told.count("down")
        self.crowd.start()
        unknown = self.crowd.domains[:8]
        answers = self.crowd.ask(unknown)
        events = self.crowd.log()
        self.told += [e.get("state") for e in events
                      if e.get("event") == "store"]
        expect(self.told.count("down") == before + 1,
               f"started without a server: told {self.told}")
        reasons = {e["reason"] for e in events if "reason" in e}
        # unless it finds the policy anew, TXT record or not (T-12)
        expect(reasons <= {"internal-error", "mx-insecure", "mx-bogus"},
               f"unknown: {reasons}, {answers}")
        self.server.start()
        self.await_up("the start without a server")
        self.ask("after the start without a server")


def restarted(server, save):
    """What ends the outage of a server that was killed."""
    def end():
        server.start()
    def begin():
        if save:
            expect(server.say("SAVE") == "+OK", "SAVE")
        server.kill()
    return begin, end


def run(crowd, rounds):
    """Raises Failure."""
    server = Server(crowd)
    server.start()
    crowd.options.update(store=server.spec, verdict_ttl_min="0s",
                         verdict_ttl_max="0s", deadline=f"{DEADLINE_S:g}s")
    crowd.start()
    crowd.publish(1)
    outages = Outages(crowd, server)
    outages.ask("learning")
    outages.await_stored("learning")
    crowd.hide()
    for _ in range(rounds):
        outages.outage("SIGSTOP", server.freeze, server.thaw)
        outages.flush()
        outages.outage("SIGKILL, all lost", *restarted(server, False))
        outages.outage("SIGKILL, saved before", *restarted(server, True))
        outages.restart()
    outages.restart_without()
    crowd.stop()
    server.kill()
    print(f"redis: {rounds} rounds, {outages.told.count('down')} outages, "
          f"each told once; longest wait {outages.slowest:.2f} s")


# --- two daemons on one server


def is_deferred(crowd, domain):
    """What the daemon answers."""
    answer = crowd.ask([domain])[domain][0]
    return answer.startswith("450 4.7.5")


def run_fleet(learner, other):
    """Raises Failure. The verdicts of the other one are cached for five
    minutes, so that only news, or the end of their interruption, end them in
    time."""
    server = Server(learner)
    server.start()
    for crowd in (learner, other):
        crowd.options.update(store=server.spec, verdict_ttl_min="5m",
                             verdict_ttl_max="5m")
        crowd.start()
    learner.publish(1)
    learner.rule("TXT", "nodata")
    told, untold = learner.domains
    for domain in (told, untold):
        expect(not is_deferred(other, domain), f"{domain} has no policy yet")
    learner.publish(1)
    for domain in (told, untold):
        expect(not is_deferred(other, domain), f"{domain} is not cached")
    expect(is_deferred(learner, told), "the first policy is not learned")
    wait_for(lambda: is_deferred(other, told), PATIENCE_S,
             "the news of a policy")
    expect(not is_deferred(other, untold), "its verdict was discarded as well")
    expect(server.say("ACL SETUSER default -subscribe") == "+OK", "ACL")
    server.say("CLIENT KILL TYPE pubsub")
    expect(is_deferred(learner, untold), "the second policy is not learned")
    expect(not is_deferred(other, untold), "there were news without a link")
    expect(server.say("ACL SETUSER default +subscribe") == "+OK", "ACL")
    server.say("CLIENT KILL TYPE normal")
    wait_for(lambda: is_deferred(other, untold), PATIENCE_S,
             "the end of the interruption")
    learner.stop()
    other.stop()
    server.kill()
    print("redis: a policy that one daemon learned bound on the other, also "
          "after news were missed")
