"""Somebody else's world: another root, another registry, other addresses.

Small on purpose, and made without world.py and domains.py: it shows that the
daemon knows nothing of the lab but what its configuration says. Asked once
over a forwarder and once by recursion from the root hints.
"""

import json
import os
import pathlib
import shutil

import milter
from daemon import Daemon
from policies import server_command
from process import Processes, accepts
from zones import Zone

POLICY_BODY = ("version: STSv1\nmode: enforce\nmx: *.{0}\nmax_age: 604800\n"
               "dnssec: yes\n")
# Domain, how it is signed, what the filter has to say and to log.
CUSTOMERS = (
    ("signed.example", "nsec3", "continue", "secure"),
    ("unsigned.example", "no", "450 4.7.5 unsigned.example: DNSSEC required "
     "by policy, MX of unsigned.example: insecure", "mx-insecure"),
)

NSD_CONF = """\
server:
	username: ""
	chroot: ""
	zonesdir: "{dir}"
	database: ""
	pidfile: "{dir}/nsd.pid"
	xfrdfile: "{dir}/nsd.xfrd"
	zonelistfile: "{dir}/nsd.zonelist"
	cookie-secret-file: ""
	server-count: 1
	ip-address: {address}@53
remote-control:
	control-enable: no
"""

UNBOUND_CONF = """\
server:
	directory: "{dir}"
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	interface: {address}@53
	access-control: 127.0.0.0/8 allow
	module-config: "iterator"
	do-not-query-localhost: no
	root-hints: "{dir}/root.hints"
"""

RECURSION_CONF = "server:\n\tdo-not-query-localhost: no\n"


class Elsewhere:
    """The servers of that world, below one directory."""

    def __init__(self, directory, number):
        """number: of the lab beside it, so that several get along."""
        self.server = f"127.54.{number}.1"
        self.resolver = f"127.54.{number}.2"
        self.policy = f"127.90.{number}.1"
        self.socket = f"inet:8895@127.54.{number}.3"
        self.dir = directory
        os.makedirs(directory, exist_ok=True)
        self.processes = Processes(directory)
        self.daemon = Daemon(directory, self.processes)

    def path(self, name):
        """A file of this world."""
        return os.path.join(self.dir, name)

    def write(self, name, text):
        """A file of this world, written."""
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)

    # --- DNS

    def customer(self, name, signed):
        """A domain with one mail host and a policy."""
        zone = Zone(name, signed, "customers")
        zone.add("@ NS ns.example.", "@ MX 10 mail", "mail A 192.0.2.25",
                 f"mta-sts A {self.policy}", '_mta-sts TXT "v=STSv1; id=1;"')
        return zone

    def make_zones(self):
        """Written and signed, children before parents; the root is last."""
        directory = pathlib.Path(self.dir)
        root = Zone(".", "nsec", "root")
        root.add("@ NS ns.example.", "example. NS ns.example.",
                 f"ns.example. A {self.server}")
        registry = Zone("example", "nsec3", "registry")
        registry.add("@ NS ns.example.", f"ns A {self.server}")
        children = [(self.customer(name, signed), registry)
                    for name, signed, *_ in CUSTOMERS]
        for zone, parent in [*children, (registry, root), (root, None)]:
            if zone.has_key:
                zone.make_key(directory)
                if parent:
                    parent.add(zone.ds(directory))
            if parent is registry:
                parent.add(f"{zone.fqdn} NS ns.example.")
            zone.write(directory)
        self.write("root.key", root.trust_anchors(directory, root.dnskey))
        return [zone for zone, _ in children] + [registry, root]

    def start_dns(self):
        """One NSD for all zones; one Unbound, which does not validate."""
        served = "".join(
            f'zone:\n\tname: "{z.fqdn}"\n\tzonefile: "{z.stem}.served"\n'
            for z in self.make_zones())
        conf = NSD_CONF.format(dir=self.dir, address=self.server)
        self.write("nsd.conf", conf + served)
        self.write("root.hints", ". 3600000 NS ns.example.\n"
                                 f"ns.example. 3600000 A {self.server}\n")
        self.write("unbound.conf",
                   UNBOUND_CONF.format(dir=self.dir, address=self.resolver))
        self.write("recursion.conf", RECURSION_CONF)
        for name, address in (("nsd", self.server),
                              ("unbound", self.resolver)):
            program = shutil.which(
                name, path=os.environ["PATH"] + ":/usr/sbin")
            self.processes.start(
                name, [program, "-d", "-c", self.path(name + ".conf")],
                lambda address=address: accepts(address, 53))

    # --- HTTPS

    def start_policy_host(self):
        """All policies on one address, with a CA of this world's own."""
        hosts = {"mta-sts." + name: {"body": POLICY_BODY.format(name)}
                 for name, *_ in CUSTOMERS}
        self.write("hosts.json", json.dumps(hosts))
        self.processes.start(
            "policyhost",
            server_command(self.path("ca"), self.path("https.sock"),
                           self.path("hosts.json"),
                           [f"{self.policy}:443"]),
            lambda: os.path.exists(self.path("https.sock")))

    # --- the daemon

    def options(self, **more):
        """What the daemon has to be told of this world, and no more."""
        return {
            "socket": self.socket,
            "user": "",
            "trust_anchor": self.path("root.key"),
            "ca_file": self.path("ca/root.pem"),
            "policy_networks": [self.policy],
            "store": "lmdb:" + self.daemon.store,
            "control_socket": "",
            "log": "file:" + self.daemon.log_path,
            **more,
        }

    def ask(self, what):
        """Every customer once; how many answers were wrong."""
        wrong = 0
        with milter.Session(self.socket) as session:
            session.mail()
            for name, _, answer, reason in CUSTOMERS:
                octets = name.encode("ascii")
                got = str(session.rcpt(b"<u@" + octets + b">",
                                       milter.smtp_macros(octets)))
                right = got == answer and self.daemon.await_lines(
                    [" rcpt ", f"domain={name}"], 1, 20)[-1].find(
                        f" reason={reason} ") >= 0
                wrong += not right
                print(f"{what}: {name}: {got}"
                      + ("" if right else f" WRONG, want: {answer} {reason}"))
        return wrong

    def run(self):
        """Over a forwarder, then by recursion; how much was wrong."""
        wrong = 0
        ways = {"forwarder": {"resolvers": [self.resolver]},
                "recursion": {"root_hints": self.path("root.hints")}}
        try:
            self.start_dns()
            self.start_policy_host()
            for what, more in ways.items():
                self.daemon.wipe()
                self.daemon.start(self.options(
                    unbound_conf=self.path("recursion.conf"), **more))
                wrong += self.ask(what)
                self.daemon.stop()
        finally:
            for name in reversed(self.processes.names()):
                self.processes.stop(name)
        return wrong
