"""How MTAs route mail: where it goes, which domain the filter judges, and what
the map for delivery is asked and answers.

Each row of routes_rows.py and routes_sendmail_rows.py is run twice. An MTA
without the filter shows where mail really goes. An MTA with it takes one
message over the port that asks the filter, and one past the filter, as aliases
and bounces go. The row says what is expected. For every row,

	no mail reaches a host of an unsigned domain that requires DNSSEC;
	no mail that goes elsewhere, or is delivered here, is deferred.
"""

import base64
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from string import Template

import snippets
from domains import BY_NAME
from process import LabError
from routes_observe import Observer
from routes_postfix import MAP_PORT, PostfixRun
from routes_rows import LOCAL_USER, POSTFIX_ROWS
from routes_sendmail import SendmailRun
from routes_sendmail_rows import SENDMAIL_ROWS, SendmailRow
from zones import Net

AT_A_TIME = 6
POLICY_ID = "routes1"
POLICY_PORT = 8461
DAEMON_HOST = 201
OPTIONS = ("log_format=json", "exempt_domains={"
           "exempt.percent-exempt.free.test, exempt.bang-exempt.free.test, "
           "exempt.s-percent-exempt.free.test}",
           snippets.daemon_option(
               "manual", "dane-sts-milter.conf: mail from sendmail(1)"),
           snippets.daemon_option("manual", "dane-sts-milter.conf: reports"))

# Place: last octet within Net.mx().
PLACES = {"bound-mx": 11, "bound-host": 12, "free-mx": 13, "free-host": 14,
          "smarthost": 15}
PORTS = (25, 587, 2525)
LMTP_PORT = 24
# Sendmail 8.18.2 asks of a recipient on its own host, 8.18.1 does not.
LOCAL_ASKED = {f"<{LOCAL_USER}> NOTFOUND"}


def names(row, net, number):
    """What a row's texts name."""
    return {
        "b": f"{row.name}.bound.test", "hb": f"hop-{row.name}.bound.test",
        "f": f"{row.name}.free.test", "hf": f"hop-{row.name}.free.test",
        "smarthost": net.mx(PLACES["smarthost"]),
        "me": f"127.26.{net.n}.{number}",
    }


def bound_names(row):
    """All domains of a row that require DNSSEC."""
    b, hb = f"{row.name}.bound.test", f"hop-{row.name}.bound.test"
    return (b, hb, f"short.{b}", f"xn--n3h.{b}", f"xn--strae-oqa.{b}",
            f"hop.xn--n3h.{b}")


class Trial:
    """A row and what came of it."""

    def __init__(self, row, values):
        self.row = row
        self.values = values
        self.where = set()  # without the filter
        self.reached = set()  # with it
        self.refused = {}  # phase: reply
        self.asked = set()
        self.judged = set()
        self.error = None

    def fill(self, text):
        """A text of the row."""
        return Template(text).substitute(self.values)

    # --- what is wrong

    def problems(self):
        """Texts."""
        if self.error:
            yield self.error
            return
        yield from self.not_as_the_row_says()
        if not self.row.against:
            yield from self.never()
        elif self.reached != set(self.row.reached):
            yield (f"with the filter to {sorted(self.reached)}, "
                   f"not {sorted(self.row.reached)}")

    def not_as_the_row_says(self):
        """The three that are compared."""
        row = self.row
        if self.where != set(row.where):
            yield f"goes to {sorted(self.where)}, not {sorted(row.where)}"
        judged = {self.fill(row.judged)} if row.judged else set()
        if self.judged != judged:
            yield f"judged: {sorted(self.judged)}, not {sorted(judged)}"
        asked = {self.fill(text) for text in row.asked}
        if self.asked - LOCAL_ASKED != asked:
            yield f"the map: {sorted(self.asked)}, not {sorted(asked)}"

    def never(self):
        """Whatever the row says."""
        in_clear = sorted(place for place in self.reached
                          if place.startswith("bound-"))
        if in_clear:
            yield f"in clear to {in_clear}"
        others = self.reached - self.where - {"deferred", "refused"} \
            - set(self.row.instead)
        if others:
            yield f"with the filter to {sorted(others)}"
        if any(place.startswith("bound-") for place in self.where):
            return
        for phase, reply in self.refused.items():
            if "refused" not in self.where:
                yield f"{phase}: {reply.text}"
        if self.reached - set(self.row.instead) != self.where:
            yield (f"with the filter to {sorted(self.reached)}, "
                   f"without to {sorted(self.where)}")


class Table:
    """All rows, some at a time."""

    def __init__(self, stage, observer):
        self.stage = stage
        self.observer = observer
        self.net = Net(stage.info()["dns"]["n"])

    def listen(self):
        """On every place."""
        for place, octet in PLACES.items():
            for port in PORTS:
                name = place if port == 25 else f"{place}:{port}"
                self.observer.listen(self.net.mx(octet), port, name)
        self.observer.listen(self.net.mx(PLACES["smarthost"]), LMTP_PORT,
                             "lmtp-inet")

    def send(self, trial, mta, phases):
        """A message each; where they went."""
        mta.start(self.observer)
        places = set()
        try:
            for phase in phases:
                token = f"{trial.row.name}/{phase}"
                reply = mta.send(phase, f"X-Route: {token}\n"
                                        "Subject: route\n\nhello\n")
                if not reply.accepted:
                    trial.refused[phase] = reply
                    places.add("refused")
            places |= mta.settle()
        finally:
            mta.stop()
        return places | {place for token, place in self.observer.seen
                         if token in [f"{trial.row.name}/{phase}"
                                      for phase in phases]}

    def run(self, trial):
        """One row, without the filter and with it."""
        kind = SendmailRun if isinstance(trial.row, SendmailRow) \
            else PostfixRun
        try:
            self.observer.relay_map(
                trial.values["me"], MAP_PORT, trial.row.name,
                (self.net.mx(DAEMON_HOST), POLICY_PORT))
            mta = kind(self.stage, trial.row, trial.values, False)
            trial.where = self.send(trial, mta, ["bare"])
            trial.refused.clear()
            mta = kind(self.stage, trial.row, trial.values, True)
            phases = ["in", "past"] if trial.row.past else ["in"]
            trial.reached = self.send(trial, mta, phases)
            trial.asked = {f"{key} {answer}"
                           for where, key, answer in self.observer.asked
                           if where == trial.row.name and key[0] != "."}
            trial.judged = self.judged(mta.recipient("in"))
        except (LabError, OSError, KeyError) as e:
            trial.error = f"{type(e).__name__}: {e}"

    def judged(self, recipient):
        """Domain and reason of what the daemon logged."""
        events = map(json.loads, self.stage.daemon.lines(['"event":"rcpt"']))
        return {f"{event['domain']} {event['reason']}"
                for event in events if event["to"].strip("<>") == recipient}


def store(stage, domains):
    """A policy for each, fetched a while ago."""
    body = base64.b64encode(BY_NAME["bound.test"].policy_body).decode()
    fetched = int(time.time()) - 1000
    text = "".join(json.dumps({"domain": domain, "id": POLICY_ID,
                               "fetched": fetched, "body": body}) + "\n"
                   for domain in domains)
    subprocess.run(stage.tool_argv(["cache", "import", "-"]), input=text,
                   text=True, stdout=subprocess.DEVNULL, check=True)


def run(stage, only=()):
    """Print what is wrong with which row; how many are."""
    begun = time.monotonic()
    missing = stage.sendmail.missing()
    if missing:
        print("left out:", missing)
    rows = [row for row in (*POSTFIX_ROWS, *(() if missing else SENDMAIL_ROWS))
            if not only or row.name in only]
    stage.daemon_do("fresh", OPTIONS)
    store(stage, [name for row in rows for name in bound_names(row)])
    os.makedirs(os.path.join(stage.dir, "routes"), exist_ok=True)
    with Observer() as observer, ThreadPoolExecutor(AT_A_TIME) as pool:
        table = Table(stage, observer)
        table.listen()
        trials = [Trial(row, names(row, table.net, i + 1))
                  for i, row in enumerate(rows)]
        list(pool.map(table.run, trials))
    wrong = 0
    for title in snippets.unused() if not only else ():
        wrong += 1
        print("no row uses the snippet", title)
    for trial in trials:
        problems = list(trial.problems())
        wrong += bool(problems)
        for problem in problems:
            print(f"{trial.row.name}: {problem}")
    print(f"{len(trials)} rows in {time.monotonic() - begun:.0f} s, "
          f"{wrong} wrong")
    return wrong
