"""All parts of the lab put together: what `lab` and `demo` work with."""

import importlib.util
import json
import os
import shutil
import sys

from daemon import SOCKET_PORT, Daemon, bindir, option
from mta import Postfix
from policies import Policies
from process import LabError, wait_for
from sendmail import LINES, POLICY_SOCKET, SOCKET, SOCKET_DIR, Sendmail
from sinks import Sinks
from validator import Validator

HERE = os.path.dirname(os.path.abspath(__file__))
SMTP_PORT = 2525
POLICY_PORT = 8461
WEB_PORT = 9478
# Last octets beside those that the MX hosts of domains.py use.
POSTFIX_HOST, DAEMON_HOST, VALIDATOR_HOST, SENDMAIL_HOST = 200, 201, 202, 203
LOCAL_DOMAIN = "home.test"

# What the lab needs, with the Debian package that has it.
PROGRAMS = {"nsd": "nsd", "unbound": "unbound", "ldns-signzone": "ldnsutils"}
MODULES = {"dns": "python3-dnspython", "cryptography": "python3-cryptography"}


class Stage:
    """One lab directory."""

    DAEMON_ACTIONS = ("start", "stop", "restart", "kill", "reload", "fresh",
                      "configure")

    def __init__(self, directory, processes):
        self.dir = directory
        self.processes = processes
        self.daemon = Daemon(directory, processes)
        self.policies = Policies(directory, processes)
        self.postfix = Postfix(directory, processes)
        self.sendmail = Sendmail(directory, processes)
        self.sinks = Sinks(directory, processes, self.policies.ca_dir)
        self.validator = Validator(directory, processes)
        self.mail_dir = self.sinks.mail_dir
        self.state_path = os.path.join(directory, "lab.json")

    # --- up and down

    def why_not(self):
        """None, or why this machine cannot run the lab."""
        path = os.environ["PATH"] + ":/usr/sbin"
        missing = [package for program, package in PROGRAMS.items()
                   if not shutil.which(program, path=path)]
        missing += [package for module, package in MODULES.items()
                    if importlib.util.find_spec(module) is None]
        if missing:
            return "Debian packages are missing: " + " ".join(missing)
        return self.postfix.why_not()

    def up(self):
        """DNS, policy hosts, sinks, Postfix; down again if one fails."""
        os.chmod(self.dir, 0o755)  # Postfix is another user
        try:
            self._start_world()
            self.sinks.start(self.info()["mx"])
            self._start_postfix()
        except BaseException:
            self.down()
            raise

    def _world(self, name="world", **options):
        # Late: most commands need no DNS library.
        from world import World
        return World(os.path.join(self.dir, name), **options)

    def _start_world(self):
        world = self._world(tlsa=self.sinks.tlsa()).build().start()
        info = world.info()
        net = world.net
        state = {
            "dns": info,
            "mx": net.mx(1),
            "smtp": net.mx(POSTFIX_HOST),
            "sendmail": net.mx(SENDMAIL_HOST),
            "milter": f"inet:{SOCKET_PORT}@{net.mx(DAEMON_HOST)}",
            "postfix_milter": f"inet:{net.mx(DAEMON_HOST)}:{SOCKET_PORT}",
            "policy_map": f"socketmap:inet:{net.mx(DAEMON_HOST)}:"
                          f"{POLICY_PORT}:policy",
            "resolver": net.mx(VALIDATOR_HOST),
            "web": f"http://{net.mx(DAEMON_HOST)}:{WEB_PORT}",
        }
        ca_file = self._start_policy_hosts(world)
        self.validator.start_tampered(state["resolver"], info)
        state["policy_ipv6"] = self.policies.ipv6
        state["ca_file"] = ca_file
        state["daemon"] = self.daemon.base(
            state["milter"], info, ca_file, ["127.80.0.0/16", "::1/128"])
        state["daemon"]["policy_socket"] = \
            f"inet:{POLICY_PORT}@{net.mx(DAEMON_HOST)}"
        state["daemon"]["metrics"] = f"{net.mx(DAEMON_HOST)}:{WEB_PORT}"
        with open(self.state_path, "w", encoding="utf-8") as f:
            json.dump(state, f, indent=1)

    def _start_policy_hosts(self, world):
        from domains import DOMAINS
        return self.policies.start(world.net.policy(1), DOMAINS)

    def _start_postfix(self):
        info = self.info()
        self.postfix.configure({
            "hostname": "mta." + LOCAL_DOMAIN,
            "local_domain": LOCAL_DOMAIN,
            "alias_domain": "alias." + LOCAL_DOMAIN,
            "alias_from": "someone@alias." + LOCAL_DOMAIN,
            "alias_to": "someone@secure.test",
            "address": info["smtp"],
            "port": SMTP_PORT,
            "milter": info["postfix_milter"],
            "resolver": info["resolver"],
        })
        self.postfix.start(*self.smtp_address)

    def down(self):
        """The newest first. One that does not end at SIGTERM is an error."""
        stubborn = [name for name in reversed(self.processes.names())
                    if not self.processes.stop(name)]
        for name in ("contact-world", "world"):
            if os.path.exists(os.path.join(self.dir, name, "world.json")):
                self._world(name).stop()
        if stubborn:
            raise LabError("had to be killed: " + " ".join(stubborn))

    # --- where things are

    def info(self):
        """What `up` wrote down."""
        try:
            with open(self.state_path, encoding="utf-8") as f:
                return json.load(f)
        except FileNotFoundError:
            raise LabError(f"{self.dir}: no lab is up here") from None

    @property
    def smtp_address(self):
        """Where Postfix listens."""
        return self.info()["smtp"], SMTP_PORT

    @property
    def sendmail_address(self):
        """Where Sendmail listens, if it was started."""
        return self.info()["sendmail"], SMTP_PORT

    def tool_argv(self, words):
        """dane-sts with the daemon's configuration."""
        return [os.path.join(bindir(), "dane-sts"), "-c", self.daemon.config,
                *words]

    # --- what tests change

    def tamper(self, words):
        """A command to the proxies: the one on Postfix' own path, "mta", is
        another process."""
        from world import Tamper
        daemon = Tamper(self.info()["dns"]["control"])
        mta = Tamper(self.validator.control)
        line = " ".join(words)
        if words[0] in ("clear", "swap"):
            mta.command(line)
        elif words[1].partition("/")[0] == "mta":
            daemon = mta
        return daemon.command(line)

    def postfix_tls(self, wanted):
        """Deliver as etc/postfix-main.cf says, or in the clear."""
        info = self.info()
        settings = {
            "smtp_tls_security_level": "dane",
            "smtp_dns_support_level": "dnssec",
            "smtp_tls_CAfile": info["ca_file"],
            "smtp_tls_policy_maps": info["policy_map"],
            "smtp_mx_address_limit": "1",  # nobody listens on ::1
        } if wanted else {
            "smtp_tls_security_level": "none",
            "smtp_dns_support_level": "enabled",
            "smtp_tls_CAfile": "",
            "smtp_tls_policy_maps": "",
            "smtp_mx_address_limit": "5",
        }
        self.postfix.set(*(f"{k}={v}" for k, v in settings.items()))
        self.postfix.reload()

    def sendmail_start(self, lines, words, unix=False):
        """Sendmail with the lines of README or etc/sendmail.mc, and a fresh
        daemon on the sockets that they name, or on a unix socket. None, or why
        it cannot be."""
        self.daemon_do("kill")
        why = self.sendmail.why_not()
        if not why and lines == "dane" and not self.sendmail.has_dane():
            why = "this Sendmail was built without DANE"
        if why:
            return why
        socket = SOCKET
        text = LINES[lines]()
        info = self.info()
        if unix:
            socket = f"unix:{self.sendmail.socket_dir}/milter.sock"
            text = text.replace(f"S={SOCKET}",
                                f"S=unix:{SOCKET_DIR}/milter.sock")
        self.sendmail.configure({
            "address": info["sendmail"],
            "port": SMTP_PORT,
            "resolver": info["resolver"],
            "ca_file": info["ca_file"],
        }, text)
        self.daemon_do("fresh", [f"socket={socket}",
                                 f"policy_socket={POLICY_SOCKET}", *words])
        self.sendmail.start(*self.sendmail_address)
        return None

    @staticmethod
    def domain(name):
        """A row of domains.py."""
        from domains import BY_NAME
        if name not in BY_NAME:
            raise LabError(f"{name}: not a domain of the lab")
        return BY_NAME[name]

    def daemon_do(self, action, words=(), wrapper=()):
        """One of DAEMON_ACTIONS with options that differ from the lab's."""
        options = self.info()["daemon"]
        options.update(option(word) for word in words)
        if action in ("stop", "restart"):
            self.daemon.stop()
        elif action in ("kill", "fresh"):
            self.daemon.kill()
        elif action == "reload":
            self.daemon.reload(options)
        elif action == "configure":
            self.daemon.write_config(options)
        if action == "fresh":
            self.daemon.wipe()
        if action in ("start", "restart", "fresh"):
            self.daemon.start(options, wrapper)

    def reload(self, words):
        """Reload with these options, and await that they are in force."""
        before = len(self.daemon.lines(["info reload"]))
        self.daemon_do("reload", words)
        self.daemon.await_lines(["info reload"], before + 1, 20.0)

    # --- what became of mail

    def delivered(self, terms, timeout_s):
        """A message that reached an MX host of the lab."""
        def found():
            for name in sorted(os.listdir(self.mail_dir), reverse=True):
                if not name.endswith(".eml"):
                    continue
                with open(os.path.join(self.mail_dir, name),
                          encoding="utf-8", errors="replace") as f:
                    text = f.read()
                if all(term in text for term in terms):
                    return text
            return None
        return wait_for(found, timeout_s, "delivery of " + " ".join(terms))

    def queued(self, terms, timeout_s):
        """A message in Postfix's queue that was tried, from postqueue -j."""
        def found():
            for line in self.postfix.queue().splitlines():
                if "deferred transport" in line:
                    continue  # it waits for a flush
                if all(term in line for term in terms):
                    return json.loads(line)
            return None
        return wait_for(found, timeout_s, "in the queue: " + " ".join(terms))
