"""The zones of the lab: text, keys and signatures.

Made from domains.py by ldns-keygen and ldns-signzone (Debian: ldnsutils).
"""

import base64
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdata

from domains import DAY, POLICY_HOSTS

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
PORT = 5300  # of the servers, beside 53
COLLIDING_KEYS = 60


@dataclass(frozen=True)
class Net:
    """The addresses of world number n."""

    n: int

    def server(self, role):
        roles = ("root", "test", "customers", "tampered", "forwarder", "unbound")
        return f"127.53.{self.n}.{roles.index(role) + 1}"

    @property
    def nowhere(self):
        return f"127.53.{self.n}.9"

    def mx(self, i):
        return f"127.25.{self.n}.{i}"

    def policy(self, i):
        return f"127.80.{self.n}.{i}"


class Zone:
    """One zone: its text, its key, its signed file."""

    def __init__(self, name, signed, role):
        self.name = name
        self.signed = signed
        self.role = role
        self.sig_seconds = 30 * DAY
        self.ttl = 3600
        self.spoil = ()
        self.key = None  # base name of the key files
        self.next_key = None  # the root's, published before it signs
        self.lines = []

    @property
    def fqdn(self):
        return "." if self.name == "." else self.name + "."

    @property
    def stem(self):
        return "root" if self.name == "." else self.name

    @property
    def has_key(self):
        return self.signed not in ("no", "lame", "dead")

    @property
    def is_plain(self):
        """Keys, but no signatures that they have made."""
        return self.signed in ("no-sigs", "algorithm", "digest")

    @property
    def is_served(self):
        return self.signed not in ("lame", "dead")

    def add(self, *lines):
        self.lines.extend(lines)

    def absolute(self, owner):
        return self.fqdn if owner == "@" else f"{owner}.{self.fqdn}"

    def new_key(self, directory):
        command = "ldns-keygen -a ECDSAP256SHA256 -k -r /dev/urandom"
        return run(*command.split(), self.fqdn, cwd=directory).strip()

    def make_key(self, directory):
        self.key = self.new_key(directory)
        if self.name == ".":
            self.next_key = self.new_key(directory)
            self.add(self.dnskey(directory, self.next_key))

    def dnskey(self, directory, key=None):
        path = directory / ((key or self.key) + ".key")
        return path.read_text().split(";")[0].strip()

    def trust_anchors(self, directory, record):
        """record: dnskey or ds. The key that signs is the first."""
        keys = (self.key, self.next_key)
        return "".join(record(directory, key) + "\n" for key in keys)

    def ds(self, directory, key=None):
        fields = self.dnskey(directory, key).split("DNSKEY")[1]
        rdata = dns.rdata.from_text("IN", "DNSKEY", fields)
        name = dns.name.from_text(self.fqdn)
        ds = dns.dnssec.make_ds(name, rdata, "SHA256").to_text()
        tag, algorithm, digest_type, digest = ds.split()
        if self.signed == "wrong-ds":
            digest = digest[:-1] + ("0" if digest[-1] != "0" else "1")
        elif self.signed == "algorithm":
            algorithm = "200"
        elif self.signed == "digest":
            digest_type = "200"
        ds = " ".join((tag, algorithm, digest_type, digest))
        return f"{self.fqdn} DS {ds}"

    def write(self, directory):
        if self.signed == "keytrap":
            self.add(*self.colliding_keys(directory))
        if self.signed == "other-key":
            self.add(self.dnskey(directory))
        plain = directory / f"{self.stem}.zone"
        head = [
            f"$ORIGIN {self.fqdn}",
            f"$TTL {self.ttl}",
            "@ SOA ns.test. hostmaster.test. 1 3600 600 86400 " + str(min(self.ttl, 300)),
        ]
        plain.write_text("\n".join(head + self.lines) + "\n")
        out = directory / f"{self.stem}.served"
        if not self.has_key or self.is_plain:
            shutil.copy(plain, out)
            return
        options = self.sign_options() + ["-f", str(out), "-o", self.fqdn]
        key = self.new_key(directory) if self.signed == "other-key" else self.key
        run("ldns-signzone", *options, str(plain), key, cwd=directory)
        if self.spoil:
            self.spoil_signatures(out)

    def sign_options(self):
        now = int(time.time())
        start, end = now - 7 * DAY, now + self.sig_seconds
        if self.signed == "expired":
            end = now - DAY
        if self.signed == "not-yet":
            start = now + DAY
        options = ["-i", stamp(start), "-e", stamp(end)]
        if self.signed in ("nsec3", "optout"):
            options += ["-n", "-t", "0"]
        if self.signed == "iterations":
            options += ["-n", "-t", "2500"]
        if self.signed == "optout":
            options.append("-p")
        return options

    def colliding_keys(self, directory):
        """Keys of the real one's tag, to try for every signature."""
        fields = self.dnskey(directory).split("DNSKEY")[1]
        key = dns.rdata.from_text("IN", "DNSKEY", fields)
        for n in range(1, COLLIDING_KEYS + 1):
            octets = bytearray(key.key)
            # The tag is a sum of 16-bit words (RFC 4034 B).
            for at, add in ((0, n), (2, -n)):
                word = int.from_bytes(octets[at:at + 2], "big") + add
                octets[at:at + 2] = (word % 65536).to_bytes(2, "big")
            yield f"@ DNSKEY {key.replace(key=bytes(octets)).to_text()}"

    def spoil_signatures(self, path):
        wanted = {(self.absolute(owner).lower(), kind) for owner, kind in self.spoil}
        lines = path.read_text().splitlines()
        for i, line in enumerate(lines):
            words = line.split()
            if len(words) < 5 or words[3] != "RRSIG":
                continue
            if (words[0].lower(), words[4]) in wanted:
                signature = bytearray(base64.b64decode(words[-1]))
                signature[10] ^= 0xFF
                lines[i] = " ".join(words[:-1] + [base64.b64encode(signature).decode()])
                wanted.discard((words[0].lower(), words[4]))
        if wanted:
            raise RuntimeError(f"no signature to spoil: {wanted}")
        path.write_text("\n".join(lines) + "\n")


def stamp(seconds):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


def run(*command, cwd=None):
    env = {"PATH": PATH, "TZ": "UTC"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def host_lines(host, net, tlsa):
    lines = [f"{host.name} A {net.mx(i)}" for i in host.a]
    if host.aaaa:
        lines.append(f"{host.name} AAAA ::1")
    if host.tlsa:
        owner = "_25._tcp" if host.name == "@" else f"_25._tcp.{host.name}"
        # A wildcard covers names of any depth, but only as the first label.
        owner = host.name if host.name.startswith("*") else owner
        lines.append(f"{owner} TLSA 3 1 1 {tlsa}")
    return lines


def policy_host_lines(domain, net):
    kind = domain.policy_host
    special = {
        "ipv6": ["mta-sts AAAA ::1"],
        "two": [f"mta-sts A {net.policy(9)}"],
        "alias": ["mta-sts CNAME mta-sts.secure.test."],
    }
    lines = list(special.get(kind, ()))
    if POLICY_HOSTS[kind] is not None:
        lines.append(f"mta-sts A {net.policy(POLICY_HOSTS[kind])}")
    return lines


def customer_zone(domain, hosts, tlsa):
    zone = Zone(domain.name, domain.signed, "customers")
    zone.sig_seconds, zone.spoil = domain.sig_seconds, domain.spoil
    zone.ttl = domain.ttl
    zone.add("@ NS customers.ns.test.")
    zone.add(*(f"@ MX {preference} {host}" for preference, host in domain.mx))
    for host in domain.hosts:
        zone.add(*host_lines(host, hosts, tlsa))
    zone.add(*(f"_mta-sts TXT {text}" for text in domain.txt_records))
    zone.add(*policy_host_lines(domain, hosts))
    places = {"policy": hosts.policy(1), "mx": hosts.mx(1)}
    zone.add(*(line % places for line in domain.zone))
    return zone


def name_servers(net):
    servers = {
        "root": net.server("root"),
        "tld": net.server("test"),
        "customers": net.server("tampered"),
        "lame": net.server("root"),
        "dead": net.nowhere,
    }
    return {f"{name}.ns.test.": address for name, address in servers.items()}


def all_zones(net, tlsa, domains, hosts):
    """Parents before children."""
    root = Zone(".", "nsec", "root")
    root.add("@ NS root.ns.test.", "test. NS tld.ns.test.")
    test = Zone("test", "nsec", "test")
    test.add("@ NS tld.ns.test.")
    for name, address in name_servers(net).items():
        test.add(f"{name} A {address}")
        if name.startswith(("root", "tld")):
            root.add(f"{name} A {address}")
    zones = [root, test] + [customer_zone(domain, hosts, tlsa) for domain in domains]
    return sorted(zones, key=lambda z: 0 if z.name == "." else z.name.count(".") + 1)


def parent_of(zone, by_name):
    name = zone.name
    while "." in name:
        name = name.split(".", 1)[1]
        if name in by_name:
            return by_name[name]
    return by_name["."]


def delegate(zone, parent, directory):
    if zone.role == "customers":
        server = "customers" if zone.is_served else zone.signed
        parent.add(f"{zone.fqdn} NS {server}.ns.test.")
    if zone.has_key:
        parent.add(zone.ds(directory))


def make_zones(directory, net, tlsa, domains, hosts):
    """Writes every zone to directory; the root is first. hosts: the Net of the
    MX and policy hosts."""
    zones = all_zones(net, tlsa, domains, hosts)
    by_name = {zone.name: zone for zone in zones}
    with ThreadPoolExecutor(4) as pool:
        keyed = [zone for zone in zones if zone.has_key]
        list(pool.map(lambda zone: zone.make_key(directory), keyed))
        for zone in zones[1:]:
            delegate(zone, parent_of(zone, by_name), directory)
        served = [zone for zone in zones if zone.is_served]
        list(pool.map(lambda zone: zone.write(directory), served))
    return zones
