"""Sendmail for the lab, unpacked beside Postfix and not installed.

The packages conflict, so that ./bootstrap unpacks Sendmail's into a directory
and the programs are run from there. Like the lab's Postfix it shares nothing
with the machine: own configuration, queue and port, and a mount namespace in
which /etc/resolv.conf names the lab's resolver and /etc/ssl/certs holds the
lab's CA. The host has a qualified name there: without one Sendmail waits for a
minute at its start.

Its configuration holds the lines that README and etc/sendmail.mc recommend, as
they stand.
"""

import os
import shutil
import subprocess

from daemon import bindir
from mta import no_mounts
from process import LabError, accepts

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")

# What the lines of README and etc/sendmail.mc ask.
SOCKET = "inet:8894@127.0.0.1"
POLICY_SOCKET = "inet:8461@127.0.0.1"
HOST_NAME = "sendmail.home.test"

# Nobody runs the queue but tests, and nobody but they can reach the relay.
SENDMAIL_MC = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host_name}')dnl
define(`confPID_FILE', `{home}/pid')dnl
define(`QUEUE_DIR', `{home}/queue')dnl
define(`STATUS_FILE', `{home}/statistics')dnl
define(`HELP_FILE', `')dnl
define(`ALIAS_FILE', `')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Port={port}, Addr={address}')dnl
{lines}
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

# A unix socket must not lie below a directory that anybody may write to, such
# as /tmp: Sendmail sees it here.
SOCKET_DIR = "/mnt"

# $1 resolv.conf, $2 certificates, $3 directory of the socket, $4 host name,
# then the command.
IN_NAMESPACE = f"""\
mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/ssl/certs &&
mount --bind "$3" {SOCKET_DIR} && hostname "$4" && shift 4 && exec "$@"
"""


def readme_line():
    """The line of the README that makes Sendmail ask the daemon."""
    with open(os.path.join(TOP, "README"), encoding="utf-8") as f:
        lines = [line.strip() for line in f
                 if line.strip().startswith("INPUT_MAIL_FILTER(")]
    if len(lines) != 1:
        raise LabError(f"README: {len(lines)} lines for sendmail.mc")
    return lines[0]


def etc_lines():
    """etc/sendmail.mc, which has those for delivery too."""
    with open(os.path.join(TOP, "etc", "sendmail.mc"), encoding="utf-8") as f:
        return f.read()


def dane_lines():
    """The same with DANE, as it recommends for builds that have it."""
    text = etc_lines()
    line = "define(`confDANE', `true')dnl"
    if "dnl " + line not in text:
        raise LabError("etc/sendmail.mc: no line for confDANE")
    return text.replace("dnl " + line, line)


LINES = {"readme": readme_line, "etc": etc_lines, "dane": dane_lines}


class Sendmail:
    """One instance. name also names its directory and process."""

    def __init__(self, lab_dir, processes, name="sendmail"):
        self.name = name
        self.home = os.path.join(lab_dir, name)
        self.config = os.path.join(self.home, "sendmail.cf")
        self.certs = os.path.join(self.home, "certs")
        self.resolv_conf = os.path.join(self.home, "resolv.conf")
        self.queue_dir = os.path.join(self.home, "queue")
        self.socket_dir = os.path.join(self.home, "run")
        self.processes = processes

    @property
    def root(self):
        """Where ./bootstrap put what is not installed."""
        return os.environ.get("DANE_STS_UNPACKED") or \
            os.path.join(bindir(), "unpacked")

    @property
    def program(self):
        """Debian keeps the binary here."""
        return os.path.join(self.root, "usr/libexec/sendmail/sendmail")

    def missing(self):
        """None, or what is not there."""
        if not os.access(self.program, os.X_OK):
            return ("Sendmail is not unpacked in "
                    f"{self.root} (./bootstrap check does it)")
        if not shutil.which("m4"):
            return "m4 is not installed"
        return None

    def why_not(self):
        """None, or why no Sendmail can be run here with README's sockets."""
        missing = self.missing() or no_mounts()
        if missing:
            return missing
        for spec in (SOCKET, POLICY_SOCKET):
            port, _, host = spec.partition(":")[2].partition("@")
            if accepts(host, int(port)):
                return f"somebody listens on port {port} of {host} already"
        return None

    def has_dane(self):
        """Whether it was built with DANE: "Compiled with"."""
        os.makedirs(self.home, mode=0o755, exist_ok=True)
        empty = os.path.join(self.home, "empty.cf")
        with open(empty, "w", encoding="ascii"):
            pass
        argv = ["unshare", "--uts", "sh", "-c", 'hostname "$1"; shift; exec "$@"',
                "sh", HOST_NAME, self.program, "-C", empty, "-d0.13", "-bt"]
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, env=self._env(),
                              stdin=subprocess.DEVNULL)
        return "DANE" in done.stdout.split()

    def configure(self, settings, lines):
        """Write sendmail.cf with these lines of sendmail.mc in it. settings:
        address, port, resolver, ca_file."""
        os.makedirs(self.home, mode=0o755, exist_ok=True)
        os.makedirs(self.queue_dir, mode=0o700, exist_ok=True)
        os.makedirs(self.socket_dir, mode=0o755, exist_ok=True)
        source = os.path.join(self.home, "sendmail.mc")
        with open(source, "w", encoding="utf-8") as f:
            f.write(SENDMAIL_MC.format(**settings, home=self.home,
                                       host_name=HOST_NAME, lines=lines))
        with open(self.resolv_conf, "w", encoding="utf-8") as f:
            f.write(f"nameserver {settings['resolver']}\n"
                    "options edns0 trust-ad\n")
        self._write_certs(settings["ca_file"])
        cf = os.path.join(self.root, "usr/share/sendmail/cf")
        text = self._run(["m4", f"-D_CF_DIR_={cf}/",
                          os.path.join(cf, "m4/cf.m4"), source])
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def _write_certs(self, ca_file):
        shutil.rmtree(self.certs, ignore_errors=True)
        os.makedirs(self.certs)
        shutil.copy(ca_file, os.path.join(self.certs, "ca-certificates.crt"))

    def _argv(self, *words):
        return ["unshare", "--mount", "--uts", "--propagation", "private",
                "sh", "-c", IN_NAMESPACE, "sh", self.resolv_conf, self.certs,
                self.socket_dir, HOST_NAME, self.program, "-C", self.config, *words]

    def _env(self):
        libraries = ":".join(
            os.path.join(self.root, path, entry)
            for path in ("lib", "usr/lib")
            if os.path.isdir(os.path.join(self.root, path))
            for entry in os.listdir(os.path.join(self.root, path))
            if entry.endswith("-linux-gnu"))
        return dict(os.environ, LD_LIBRARY_PATH=libraries)

    def _run(self, argv, **options):
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, env=self._env(), **options)
        if done.returncode != 0:
            raise LabError(f"{' '.join(argv)}: {done.stdout.strip()} "
                           f"{done.stderr.strip()}")
        return done.stdout

    def start(self, address, port):
        """Start it and await its port."""
        self.processes.start(self.name, self._argv("-bD"),
                             lambda: accepts(address, port), env=self._env())

    def stop(self):
        """End it, and forget what is queued."""
        self.processes.stop(self.name)
        shutil.rmtree(self.queue_dir, ignore_errors=True)

    def run(self, *words):
        """Sendmail with this configuration; what it prints."""
        return self._run(self._argv(*words), stdin=subprocess.DEVNULL)

    def flush(self):
        """Try all that is queued; returns when all was tried."""
        self.run("-qf")

    def queue(self, quarantined=False):
        """What mailq(1) prints."""
        return self._run(self._argv("-bp", *["-qQ"] * quarantined))

    def submit(self, sender, recipients, message):
        """sendmail(1), the way of a local program."""
        return self._run(
            self._argv("-i", "-f", sender, "--", *recipients), input=message)
