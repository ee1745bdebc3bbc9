"""The resolver that the lab's Postfix asks: it validates and says so (AD).

An unbound of its own before the tampering forwarder. It keeps nothing, so that
what a test tampers with is seen at once; one that is started with keep=True
caches like any other.

Between it and Postfix stands another tamper.py, path "mta": an attacker who
reaches Postfix' DNS answers after they were validated, and not the daemon's.
"""

import os
import shutil
import sys

from process import accepts

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 53
HIDDEN_PORT = 5354  # behind the attacker
PATH = os.environ.get("PATH", "") + ":/usr/sbin"

CONF = """\
server:
	directory: "{home}"
	chroot: ""
	username: ""
	pidfile: ""
	logfile: "{home}/validator.log"
	use-syslog: no
	num-threads: 1
	interface: {address}@{port}
	access-control: 127.0.0.0/8 allow
	module-config: "validator iterator"
	trust-anchor-file: "{anchor}"
	trust-anchor-signaling: no
	do-ip6: no
	do-not-query-localhost: no
	local-zone: "test." transparent
	infra-host-ttl: 1
{cache}remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: {forwarder}
"""

CACHE_NOTHING = """\
	cache-max-ttl: 0
	cache-max-negative-ttl: 0
	val-bogus-ttl: 0
"""


class Validator:
    """The server process. name also names its directory."""

    def __init__(self, lab_dir, processes, name="validator"):
        self.name = name
        self.home = os.path.join(lab_dir, name)
        self.processes = processes

    def start(self, address, info, keep=False, port=PORT):
        """info: what the world says of itself."""
        os.makedirs(self.home, exist_ok=True)
        path = os.path.join(self.home, "unbound.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONF.format(home=self.home, address=address, port=port,
                                anchor=info["trust_anchor"],
                                forwarder=info["forwarder"],
                                cache="" if keep else CACHE_NOTHING))
        self.processes.start(
            self.name, [shutil.which("unbound", path=PATH), "-d", "-c", path],
            lambda: accepts(address, port))

    def start_tampered(self, address, info):
        """The same behind an attacker."""
        self.start(address, info, port=HIDDEN_PORT)
        self.processes.start(
            self.name + "-path",
            [sys.executable, "-B", os.path.join(HERE, "tamper.py"),
             self.control, f"mta={address}@{PORT},{address}@{HIDDEN_PORT}"],
            lambda: os.path.exists(self.control))

    @property
    def control(self):
        """Where the attacker takes his commands."""
        return os.path.join(self.home, "tamper.sock")

    def stop(self):
        """Whoever starts it again finds its cache empty."""
        self.processes.stop(self.name)
