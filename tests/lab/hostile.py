"""The daemon in a world that is against it.

All rows of hostile_rows.py at one daemon, side by side: each once without and
once with a stored policy. What has a policy stored that binds is never passed
on data that is not secure, and what is stored stays as it was; no recipient is
left waiting; and in the end the daemon serves as if nothing had been.
"""

import base64
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import milter
from daemon import WORD
from domains import DOMAINS, GREEDY
from hostile_rows import FETCH_TIMEOUT_MS, ROWS
from policyhost import CATALOGUE
from survey import PASSING, acceptable
from world import Tamper

DEADLINE_S = 20
# The fetch, and a question that nobody answers, end before the deadline.
OPTIONS = (f"deadline={DEADLINE_S}s", f"fetch_timeout={FETCH_TIMEOUT_MS}ms",
           "dns_timeout=3s", "policy_networks={127.80.0.0/16}")
AT_A_TIME = 24
LATE_S = 20  # an answer that is later never comes
STORED_ID = "hostile0"
RSS_MAX_KB = 300 << 10
SANITIZER_FACTOR = 6  # shadow, and what is freed is kept for a while
BINDING = "version: STSv1\r\nmode: enforce\r\nmx: *.mx.test\r\n" \
    "max_age: 86400\r\ndnssec: yes\r\n"


def behaviour(row):
    """Of the row's policy host, with a policy that binds if it gives any."""
    chosen = row.behaviour
    if isinstance(chosen, str):
        chosen = CATALOGUE.get(chosen, {})
    if {"body", "body_size", "raw"} & chosen.keys():
        return chosen
    return {**chosen, "body": BINDING}


def fields(line):
    """key=value words of a log line."""
    pairs = (word.partition("=") for word in WORD.findall(line))
    return {key: value.strip('"') for key, equals, value in pairs if equals}


class Trial:
    """A domain that is asked about, and what came of it."""

    def __init__(self, name, case, domain, reasons, why=""):
        self.name = name
        self.case = case
        self.domain = domain
        self.reasons = reasons
        self.why = why
        self.stored = False
        self.answer = None

    @property
    def recipient(self):
        return f"<hostile@{self.domain}>"

    def ask(self, socket):
        """One recipient in a session of its own."""
        octets = self.domain.encode("ascii")
        try:
            with milter.Session(socket, DEADLINE_S + LATE_S) as session:
                session.mail()
                self.answer = session.rcpt(self.recipient.encode("ascii"),
                                           milter.smtp_macros(octets))
        except (OSError, milter.MilterError) as e:
            self.answer = e

    def problem(self, rcpt, told):
        """None, or what is wrong. rcpt: its line; told: the policy host's."""
        if not isinstance(self.answer, milter.Answer):
            return f"no answer: {self.answer}"
        if rcpt is None:
            return "no line in the log"
        reason = rcpt.get("reason")
        if reason not in self.reasons:
            return f"reason {reason}, not one of {self.reasons}: {rcpt}"
        passes = reason in PASSING or (reason == "deadline"
                                       and not self.stored)
        want = milter.CONTINUE if passes else milter.REPLY
        if self.answer.code != want:
            return f"answer {self.answer} to reason {reason}"
        if self.why and not any(why in told for why in self.why.split("|")):
            return f"the log says of the policy host: {told!r}"
        return None


# --- what is asked


def row_trials(stored):
    """Of the rows of hostile_rows.py."""
    for row in ROWS:
        domain = row.domain(stored)
        trial = Trial(row.name, row, domain,
                      row.bound if stored else row.fresh, row.why)
        trial.stored = stored
        yield trial


def stored_trials():
    """All of domains.py with a policy stored: survey.py has them without. What
    is said there of IPv6 does not hold here."""
    for domain in DOMAINS:
        if domain.policy_host == "ipv6":
            continue
        trial = Trial(domain.case, None, domain.name,
                      acceptable(domain, domain.stored))
        trial.stored = True
        yield trial


# --- the world


def tool(stage, *words, text=None):
    """What dane-sts prints."""
    done = subprocess.run(stage.tool_argv(words), input=text, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise milter.LabError(f"dane-sts {' '.join(words)}: {done.stderr}")
    return done.stdout


def store(stage, domains):
    """A policy that binds, fetched a while ago, for each."""
    fetched = int(time.time()) - 1000
    tool(stage, "cache", "import", "-", text="".join(
        json.dumps({"domain": domain, "id": STORED_ID, "fetched": fetched,
                    "body": base64.b64encode(BINDING.encode())
                    .decode()}) + "\n"
        for domain in domains))


def stored(stage):
    """Domain -> (id, fetch time, body)."""
    entries = map(json.loads, tool(stage, "cache", "export").splitlines())
    return {e["domain"]: (e["id"], e["fetched"], e["body"]) for e in entries}


def set_the_stage(stage, trials):
    """Policy hosts and rules for the rows."""
    tamper = Tamper(stage.info()["dns"]["control"])
    tamper.command("clear")
    hosts = {}
    for trial in trials:
        if trial.case is None:
            continue
        hosts["mta-sts." + trial.domain] = behaviour(trial.case)
        for rule in trial.case.tamper:
            path = "fwd/udp" if trial.name.endswith("-udp") else "fwd"
            tamper.command(f"rule {path} " + rule.format(trial.domain))
    stage.policies.command({"set": hosts})


def memory_kb(stage):
    """The most that the daemon has ever used, and may have used."""
    pid = stage.processes.pid(stage.daemon.NAME)
    if pid is None:
        return None
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        sanitized = "libasan" in (maps := f.read()) or "libtsan" in maps
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return (next(int(line.split()[1]) for line in f
                     if line.startswith("VmHWM:")),
                RSS_MAX_KB * SANITIZER_FACTOR if sanitized else RSS_MAX_KB)


# --- what came of it


def read_log(stage, n):
    """Recipient -> fields, domain -> what is said of its policy host."""
    rcpts, told = {}, {}
    stage.daemon.await_lines([" rcpt ", "<hostile@"], n, 30)
    for line in stage.daemon.lines():
        of = fields(line)
        if " rcpt " in line:
            rcpts[of.get("to")] = of
        elif " policy " in line and "why" in of:
            told[of.get("domain")] = of["why"]
    return rcpts, told


def still_good(stage):
    """Problems of the daemon as such."""
    size = memory_kb(stage)
    if size is None:
        return ["the daemon has ended"]
    size, allowed = size
    problems = []
    print(f"the daemon has used {size >> 10} MB at most")
    if size > allowed:
        problems.append(f"the daemon has used {size} KB")
    after = Trial("after all", None, "secure.test", ("secure",))
    after.ask(stage.info()["milter"])
    if str(after.answer) != "continue":
        problems.append(f"secure.test afterwards: {after.answer}")
    return problems


def run_trials(stage, trials, at_a_time=AT_A_TIME):
    """Ask about all; what is wrong."""
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(lambda t: t.ask(stage.info()["milter"]), trials))
    answered = [t for t in trials if isinstance(t.answer, milter.Answer)]
    rcpts, told = read_log(stage, len(answered))
    for trial in trials:
        problem = trial.problem(rcpts.get(trial.recipient),
                                told.get(trial.domain, ""))
        if problem:
            yield f"{trial.domain} ({trial.name}): {problem}"


def kept(before, after, domains):
    """What is stored is not shortened, and not lost."""
    for domain in domains:
        if before.get(domain) != after.get(domain):
            yield f"{domain}: {before.get(domain)} became {after.get(domain)}"


# --- a crowd

SILENT = 700
SOCKETS = 64  # of a resolver: far fewer than silent questions
GOOD = ("notlsa.test", "testing.test", "secure.nsec3.test", "implicit.test",
        "modenone.test", "cnamemx.test", "many20.test")
SILENCE = "silent.hostile.test"


def crowd_trials():
    """Domains whose DNS never answers, some with a policy stored;
    among them those that are well: one whose verdict is known, and some of
    which no more is known than that they bind."""
    for n in range(SILENT):
        bound = n % 20 == 1
        trial = Trial("silent", None, f"d{n}.{SILENCE}",
                      ("deadline", "mx-failed") if bound
                      else ("deadline", "discovery-failed"))
        trial.stored = bound
        yield trial
        if n % 10 == 0:
            yield Trial("warm", None, "secure.test", ("secure",))
        if n % 100 == 50:
            trial = Trial("cold", None, GOOD[n // 100], ("secure",))
            trial.stored = True
            yield trial


def greedy_trials():
    """Strangers that require DNSSEC, so that they may use what is reserved for
    those that do, with MX hosts that never answer; then what they may not keep
    waiting."""
    for n in range(GREEDY):
        trial = Trial("greedy", None, f"d{n}.greedy.test",
                      ("deadline", "address-failed"))
        trial.stored = True
        yield trial
    for domain in GOOD:
        trial = Trial("cold", None, domain, ("secure",))
        trial.stored = True
        yield trial


def few_sockets(stage):
    """The lab's fragment for libunbound, and a limit."""
    path = os.path.join(stage.dir, "few-sockets.conf")
    with open(stage.info()["dns"]["conf_fragment"], encoding="ascii") as f:
        text = f.read()
    with open(path, "w", encoding="ascii") as f:
        f.write(f"{text}\nserver:\n\toutgoing-range: {SOCKETS}\n")
    return path


def run_at_once(stage, trials, *options):
    """Ask about all of them at a time while SILENCE is silent."""
    stage.daemon_do("fresh", ("deadline=8s", "dns_timeout=20s", *options))
    warm = Trial("warm", None, "secure.test", ("secure",))
    warm.ask(stage.info()["milter"])
    tamper = Tamper(stage.info()["dns"]["control"])
    tamper.command(f"rule fwd .{SILENCE} * drop")
    store(stage, [t.domain for t in trials if t.stored])
    before = stored(stage)
    problems = list(run_trials(stage, trials, len(trials)))
    silent = [t.domain for t in trials if t.stored and t.name != "cold"]
    problems += kept(before, stored(stage), silent)
    problems += still_good(stage)
    tamper.command("clear")
    for problem in problems:
        print(problem)
    print(f"{len(trials)} domains asked about at a time, "
          f"{len(problems)} wrong")
    return len(problems)


def run_crowd(stage):
    """A crowd of silent domains."""
    return run_at_once(stage, list(crowd_trials()),
                       f"unbound_conf={few_sockets(stage)}")


def run_greedy(stage):
    """Domains whose many MX hosts are silent, all on one loop (S-08)."""
    return run_at_once(stage, list(greedy_trials()), "loops=1")


def run(stage):
    """Print what is wrong; how many things are."""
    begun = time.monotonic()
    stage.daemon_do("fresh", OPTIONS)
    trials = [*row_trials(False), *row_trials(True), *stored_trials()]
    set_the_stage(stage, trials)
    bound = [t.domain for t in trials if t.stored]
    store(stage, bound)
    before = stored(stage)
    problems = list(run_trials(stage, trials))
    failing = [t.domain for t in trials if t.stored and t.why]
    problems += kept(before, stored(stage), failing)
    problems += still_good(stage)
    Tamper(stage.info()["dns"]["control"]).command("clear")
    for problem in problems:
        print(problem)
    print(f"{len(trials)} domains asked about in "
          f"{time.monotonic() - begun:.0f} s, {len(problems)} wrong")
    return len(problems)
