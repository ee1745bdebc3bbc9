"""Routing configurations of Postfix, one row each: where mail goes, which
domain the filter judges, what the map is asked.

In the texts of a row NAME is the row's:

	$b, $hb		NAME.bound.test, hop-NAME.bound.test: unsigned domains
			with a stored policy that says `dnssec: yes`
	$f, $hf		NAME.free.test, hop-NAME.free.test: no policy
	$u		a local part that names the row
	$smarthost	the address of a host that takes mail
	$me		the address of the row's MTA
	$milter, $map	address and port of the daemon's sockets; a line with
			one of them is left out without the filter
	$home		the directory of the row's Postfix

To add a case is to add a row.
"""

from dataclasses import dataclass

from snippets import snippet

LOCAL_USER = "nobody"
SENDER = LOCAL_USER + "@home.test"
# On a slow machine a probe takes longer than Postfix waits by default.
PATIENT = "address_verify_poll_count = 20"


@dataclass(frozen=True)
class Row:
    """
    where    PLACES of routes.py without the filter; what its log says of mail
             that goes to none of them: local, a transport's name, bounced,
             deferred; refused: at RCPT
    judged   domain and reason in the log; "": the filter is not asked
    asked    keys of the map, and the first word of the answers
    to, sender
    instead  places that mail reaches only with the filter
    against  why what holds for every row does not hold for this one, as the
             documentation says; reached: where its mail goes with the filter
    sample   with the lines of etc/postfix-main.cf
    main     lines of main.cf
    master   lines of master.cf
    how      smtp, or sendmail: sendmail(1)
    port     where the recipient is handed in; 0: the port with the filter
    """

    name: str
    where: tuple = ("bound-mx",)
    judged: str = "$b mx-insecure"
    asked: tuple = ("$b TEMP",)
    to: str = "$u@$b"
    sender: str = SENDER
    instead: tuple = ()
    against: str = ""
    reached: tuple = ()
    sample: bool = True
    main: tuple = ()
    master: tuple = ()
    how: str = "smtp"
    port: int = 0

    @property
    def past(self):
        """Whether a message is sent past the filter, too."""
        return self.how == "smtp"


def relayhost(name, value, **expected):
    """Mail to a domain without policy, over a relay."""
    return Row("relayhost-" + name, to="$u@$f",
               main=("relayhost = " + value,), **expected)


def transport(name, result, master=(), **expected):
    """Mail to a domain without policy, by transport_maps."""
    return Row("transport-" + name, to="$u@$f", master=master,
               main=("transport_maps = inline:{ {$f=" + result + "} }",),
               **expected)


OVER_BOUND = {"where": ("bound-mx",), "judged": "$hb mx-insecure",
              "asked": ("$hb TEMP",)}
AT_BOUND = {"where": ("bound-host",), "judged": "$hb address-insecure",
            "asked": ("[$hb] TEMP",)}
FREE = {"where": ("free-mx",), "judged": "$f no-policy",
        "asked": ("$f NOTFOUND",)}
OVER_FREE = {"where": ("free-mx",), "judged": "$hf no-policy",
             "asked": ("$hf NOTFOUND",)}
SMART_HOST = {"where": ("smarthost",), "judged": "- smart-host-address",
              "asked": ("[$smarthost] NOTFOUND",)}


REFUSED = {"where": ("refused",), "judged": "", "asked": ()}


def local(where, reason="local"):
    """Mail that does not leave."""
    return {"where": (where,), "judged": "- " + reason, "asked": ()}


def pipe(name, nexthop=""):
    """A transport of Debian's master.cf that ends in pipe(8)."""
    return transport(
        name, f"{name}:{nexthop}", **local(name),
        master=(f"{name} unix - n n - - pipe flags=Rq user={LOCAL_USER} "
                "argv=/bin/sed d",))


def beside(name, other):
    """The lines that add the filter to those that a site has."""
    return snippet(name, "main.cf: beside another filter",
                   (("127.0.0.1:11332", other),))


def submission(name):
    """The port with the filter; the usual one has none."""
    return ("$me:2526 inet n - n - - smtpd", "  -o smtpd_milters=",
            "$me:2528 inet n - n - - smtpd",
            *snippet(name, "master.cf: below submission and submissions"))


CONTENT_FILTER = (("[127.0.0.1]:10024", "[$me]:2528"),
                  ("127.0.0.1:10025", "$me:2528"))
NON_SMTPD = snippet("manual", "main.cf: mail from sendmail(1)")

POSTFIX_ROWS = (
    Row("mx"),
    Row("mx-free", to="$u@$f", **FREE),
    # --- relayhost
    relayhost("name", "$hb", **OVER_BOUND),
    relayhost("name-free", "$hf", **OVER_FREE),
    relayhost("capitals", "HOP-relayhost-capitals.Bound.Test",
              **OVER_BOUND | {"asked": (
                  "HOP-relayhost-capitals.Bound.Test TEMP",)}),
    relayhost("host", "[$hb]", **AT_BOUND),
    relayhost("address", "[$smarthost]", **SMART_HOST),
    relayhost("name-port", "$hb:2525", where=("bound-mx:2525",),
              judged="$hb mx-insecure", asked=("$hb:2525 TEMP",)),
    relayhost("host-port", "[$hb]:2525", where=("bound-host:2525",),
              judged="$hb address-insecure", asked=("[$hb]:2525 TEMP",)),
    relayhost("address-port", "[$smarthost]:2525", where=("smarthost:2525",),
              judged="- smart-host-address",
              asked=("[$smarthost]:2525 NOTFOUND",)),
    relayhost("service", "$hb:submission", where=("bound-mx:587",),
              judged="$hb mx-insecure", asked=("$hb:submission TEMP",)),
    relayhost("empty-port", "$hb:",
              **OVER_BOUND | {"asked": ("$hb: TEMP",)}),
    relayhost("host-empty-port", "[$hb]:",
              **AT_BOUND | {"asked": ("[$hb]: TEMP",)}),
    # Each of a list is a question at delivery; the first is judged at RCPT.
    relayhost("list-comma", "$hb, $hf", where=("bound-mx",),
              judged="$hb mx-insecure",
              asked=("$hb TEMP", "$hf NOTFOUND"), instead=("free-mx",)),
    relayhost("list-space", "$hf $hb", **OVER_FREE),
    relayhost("list-address-first", "[$smarthost]:9, $hb",
              where=("bound-mx",), judged="- smart-host-address",
              asked=("[$smarthost]:9 NOTFOUND", "$hb TEMP")),
    relayhost("u-label", "hop.\u2603.$b", where=("bound-mx",),
              judged="hop.xn--n3h.$b mx-insecure",
              asked=("hop.\u2603.$b TEMP",)),
    # --- transport_maps
    Row("transport-smtp-alone", to="$u@$b", main=(
        "relayhost = $hf", "transport_maps = inline:{ {$b=smtp:} }")),
    Row("transport-null", to="$u@$b", main=(
        "relayhost = $hf", "transport_maps = inline:{ {$b=:} }"),
        **OVER_FREE),
    transport("smtp", "smtp:$hb", **OVER_BOUND),
    transport("nexthop", ":$hb", **OVER_BOUND),
    transport("nexthop-host", ":[$hb]", **AT_BOUND),
    transport("nexthop-address", ":[$smarthost]", **SMART_HOST),
    transport("relay", "relay:$hb", **OVER_BOUND),
    transport("custom", "slow:$hb",
              master=("slow unix - - n - 1 smtp",), **OVER_BOUND),
    transport("empty-port", "smtp:$hb:",
              **OVER_BOUND | {"asked": ("$hb: TEMP",)}),
    transport("host-empty-port", "smtp:[$hb]:",
              **AT_BOUND | {"asked": ("[$hb]: TEMP",)}),
    Row("transport-wildcard", to="$u@deep.$f", main=(
        "transport_maps = inline:{ {.$f=smtp:$hb} {*=smtp:$hf} }",),
        **OVER_BOUND),
    transport("error", "error:5.1.2 no such host", **REFUSED),
    transport("retry", "retry:4.3.0 not today", **REFUSED),
    transport("discard", "discard:silently", **local("none")),
    Row("transport-local", to=LOCAL_USER + "@$f", main=(
        "transport_maps = inline:{ {$f=local:$$myhostname} }",),
        **local("local")),
    transport("lmtp-unix", "lmtp:unix:private/test-lmtp",
              **local("lmtp-unix")),
    transport("lmtp-inet", "lmtp:inet:$smarthost:24", **local("lmtp-inet")),
    transport("lmtp-other-name", "dovecot-lmtp:unix:private/test-lmtp",
              master=("dovecot-lmtp unix - - n - - lmtp",),
              **local("lmtp-unix")),
    transport("lmtp-other-name-inet", "mailbox:inet:$smarthost:24",
              master=("mailbox unix - - n - - lmtp",), **local("lmtp-inet")),
    pipe("uucp", "neighbour"),
    pipe("ifmail", "$f"),
    pipe("bsmtp", "$f"),
    pipe("scalemail-backend"),
    pipe("mailman"),
    pipe("maildrop"),
    # --- by sender, and by default
    Row("sender-relayhost", to="$u@$f", sender="$u@$hf", main=(
        "sender_dependent_relayhost_maps = inline:{ {@$hf=[$hb]} }",),
        **AT_BOUND),
    Row("sender-transport", to="$u@$f", sender="$u@$hf", main=(
        "sender_dependent_default_transport_maps = "
        "inline:{ {@$hf=smtp:$hb} }",), **OVER_BOUND),
    Row("default-transport", to="$u@$f",
        main=("default_transport = smtp:$hb",), **OVER_BOUND),
    # --- domains that are ours in one way or another
    Row("relay-domain", main=("relay_domains = $b",)),
    Row("relay-domain-inwards", main=(
        "relay_domains = $b", "transport_maps = inline:{ {$b=:[$smarthost]} }"),
        **SMART_HOST),
    Row("relay-transport", to="$u@$f", main=(
        "relay_domains = $f", "relay_transport = relay:[$hb]"), **AT_BOUND),
    Row("mydestination", to=LOCAL_USER + "@$b",
        main=("mydestination = $b",), **local("local")),
    Row("percent", to="$u%$b@$f", main=("mydestination = $f",)),
    Row("percent-exempt", to="$u%$b@exempt.$f",
        main=("mydestination = exempt.$f",)),
    Row("percent-off", to="$u%$b@$f", main=(
        "allow_percent_hack = no",), **FREE),
    Row("bang", to="$b!$u@$f", main=("mydestination = $f",)),
    Row("bang-exempt", to="$b!$u@exempt.$f",
        main=("mydestination = exempt.$f",)),
    Row("quoted-at", to='"$u@$b"@$f', main=("mydestination = $f",)),
    Row("local-transport", to="$u@$f", main=(
        "mydestination = $f", "local_transport = smtp:[$hb]"), **AT_BOUND),
    Row("mailbox-transport", to=LOCAL_USER + "@$f", main=(
        "mydestination = $f", "mailbox_transport = smtp:$hb"),
        where=("bound-mx",), judged="- local", asked=("$hb TEMP",)),
    Row("virtual-mailbox", to="$u@$f", main=(
        "virtual_mailbox_domains = $f", "virtual_mailbox_base = $home",
        "virtual_mailbox_maps = static:mail/", "virtual_uid_maps = static:65534",
        "virtual_gid_maps = static:65534"),
        **local("virtual")),
    Row("virtual-transport-lmtp", to="$u@$f", main=(
        "virtual_mailbox_domains = $f", "virtual_mailbox_maps = static:x",
        "virtual_transport = lmtp:unix:private/test-lmtp"),
        **local("lmtp-unix")),
    Row("virtual-transport-smtp", to="$u@$f", main=(
        "virtual_mailbox_domains = $f", "virtual_mailbox_maps = static:x",
        "virtual_transport = smtp:[$hb]"), **AT_BOUND),
    # --- addresses that are rewritten after RCPT: the map alone sees these
    Row("virtual-alias-domain", to="$u@$f", main=(
        "virtual_alias_domains = $f",
        "virtual_alias_maps = inline:{ {@$f=someone@$b} }"),
        judged="- local"),
    Row("virtual-alias", to="$u@$f", main=(
        "virtual_alias_maps = inline:{ {@$f=someone@$b} }",),
        judged="$f no-policy"),
    Row("canonical", to="$u@$f", main=(
        "recipient_canonical_maps = inline:{ {@$f=@$b} }",),
        judged="$f no-policy"),
    Row("bcc", to="$u@$f", main=(
        "recipient_bcc_maps = inline:{ {@$f=copy@$b} }",),
        where=("bound-mx", "free-mx"), judged="$f no-policy",
        asked=("$b TEMP", "$f NOTFOUND")),
    Row("alias", to="list@$f", main=(
        "mydestination = $f home.test",
        "alias_maps = inline:{ {list=someone@$b} }"),
        where=("bound-mx", "local"), judged="- local"),
    Row("forward", to=LOCAL_USER + "@$f", main=(
        "mydestination = $f", "forward_path = $home/forward"),
        where=("bound-mx", "local"), judged="- local"),
    Row("myorigin", to="$u", main=("myorigin = $b",)),
    Row("append-dot", to="$u@short", main=(
        "mydomain = $b", "append_dot_mydomain = yes"),
        judged="short.$b mx-insecure", asked=("short.$b TEMP",)),
    # --- how an address is written
    Row("literal", to="$u@[$smarthost]", where=("smarthost",),
        judged="- literal", asked=("[$smarthost] NOTFOUND",)),
    Row("literal-own", to=LOCAL_USER + "@[127.0.0.1]", **local("local")),
    Row("trailing-dot", to="$u@$b."),
    Row("source-route", to="@$f,@$hf:$u@$b"),
    Row("u-label", to="$u@stra\u00dfe.$b", judged="xn--strae-oqa.$b mx-insecure",
        asked=("stra\u00dfe.$b TEMP",)),
    Row("u-label-symbol", to="$u@\u2603.$b", judged="xn--n3h.$b mx-insecure",
        asked=("\u2603.$b TEMP",)),
    Row("u-label-dot", to="$u@xn--n3h\u3002$b", judged="xn--n3h.$b mx-insecure",
        asked=("xn--n3h\u3002$b TEMP",)),
    # --- fallback: after the temporary error Postfix goes on to it
    Row("fallback", main=("smtp_fallback_relay = [$smarthost]",),
        asked=("$b TEMP", "[$smarthost] NOTFOUND"), instead=("smarthost",)),
    Row("fallback-bound", to="$u@$f", main=(
        "transport_maps = inline:{ {$f=smtp:[$smarthost]:9} }",
        "smtp_fallback_relay = $hb"), where=("bound-mx",),
        judged="- smart-host-address",
        asked=("[$smarthost]:9 NOTFOUND", "$hb TEMP")),
    # --- where the filter stands
    Row("readme", sample=False, main=(
        *snippet("README", "main.cf"), *snippet("README", "main.cf: delivery"))),
    Row("readme-unix-socket", sample=False, main=(
        *snippet("README", "main.cf: unix socket"),
        *snippet("README", "main.cf: delivery")),
        master=("$me:2526 inet n - y - - smtpd",)),
    Row("debian", sample=False, main=(
        *snippet("Debian", "main.cf"), *snippet("Debian", "main.cf: delivery"))),
    Row("debian-unix-socket", sample=False, main=(
        *snippet("Debian", "main.cf: unix socket"),
        *snippet("Debian", "main.cf: delivery")),
        master=("$me:2526 inet n - y - - smtpd",)),
    Row("manual", sample=False, main=(
        *snippet("manual", "main.cf"), *snippet("README", "main.cf: delivery"))),
    Row("beside", main=beside("README", "$milter")),
    Row("beside-manual", main=beside("manual", "$milter")),
    # It is down; the other is not, and would be passed over.
    Row("beside-down", judged="", main=(
        "milter_default_action = accept", *snippet(
            "manual", "main.cf: beside another filter", (
                ("127.0.0.1:11332", "$milter"), ("127.0.0.1:8894", "$me:9"))))),
    Row("content-filter", asked=("[$me]:2528 NOTFOUND", "$b TEMP"), main=snippet(
        "manual", "main.cf: content filter", CONTENT_FILTER), master=(
            *snippet("manual", "master.cf: content filter", CONTENT_FILTER),
            "  -o myhostname=reinjected.home.test")),
    Row("content-filter-behind", asked=("[$me]:2528 NOTFOUND",), main=(
        "content_filter = smtp:[$me]:2528",), master=(
            "$me:2526 inet n - n - - smtpd", "  -o smtpd_milters=",
            "$me:2528 inet n - n - - smtpd", "  -o content_filter=",
            "  -o myhostname=reinjected.home.test")),
    # Before the queue: the filter in front of the proxy, and behind it.
    Row("proxy-filter", master=(
        "$me:2526 inet n - n - - smtpd", "  -o smtpd_proxy_filter=$me:2528",
        "$me:2528 inet n - n - - smtpd", "  -o smtpd_milters=",
        "  -o smtpd_authorized_xforward_hosts=127.0.0.0/8")),
    Row("proxy-filter-behind", master=(
        "$me:2526 inet n - n - - smtpd", "  -o smtpd_proxy_filter=$me:2528",
        "  -o smtpd_milters=", "$me:2528 inet n - n - - smtpd",
        "  -o smtpd_authorized_xforward_hosts=127.0.0.0/8")),
    Row("submission", port=2528, master=submission("README")),
    Row("submission-manual", port=2528, master=submission("manual")),
    Row("sendmail", how="sendmail", judged=""),
    Row("sendmail-local", how="sendmail", to=LOCAL_USER + "@$f",
        main=("mydestination = $f",), **local("local") | {"judged": ""}),
    # In maildrop mail is tried for ever; mail for local_domains passes.
    Row("non-smtpd", how="sendmail", asked=(), instead=("maildrop",),
        main=NON_SMTPD),
    Row("non-smtpd-local", how="sendmail", to=LOCAL_USER + "@example.org",
        main=("mydestination = example.org", *NON_SMTPD), **local("local")),
    Row("map-first", main=snippet("manual", "main.cf: a table of your own", (
        ("hash:/etc/postfix/tls_policy", "inline:{ {$b=may} }"),))),
    Row("map-behind", main=(
        "smtp_tls_policy_maps = inline:{ {$b=may} }, "
        "socketmap:inet:$map:policy",), asked=(),
        against="another map in front answers: nothing is seen at delivery",
        reached=("bound-mx", "refused")),
    # A report on a broken domain goes out whatever its DNS looks like.
    Row("report", sender="tlsrpt@example.org", judged="$b exempt", asked=(),
        against="S-09: it has to reach the domain", reached=("bound-mx",),
        main=snippet("manual", "main.cf: reports"),
        master=snippet("manual", "master.cf: reports")),
    # --- probes of addresses, which no filter sees
    Row("verify-recipient", where=("bound-mx", "deliverable"), judged="",
        instead=("undeliverable",), main=(
            "smtpd_recipient_restrictions = reject_unverified_recipient",
            PATIENT)),
    Row("verify-sender", to=LOCAL_USER + "@$f", sender="$u@$b",
        where=("deliverable", "local"), judged="",
        against="inbound mail from such a domain is deferred",
        reached=("refused", "undeliverable"), main=(
            "mydestination = $f",
            "smtpd_sender_restrictions = reject_unverified_sender", PATIENT)),
    Row("verify-sender-transport", to=LOCAL_USER + "@$f", sender="$u@$b",
        where=("deliverable", "local"), judged="- local", asked=(), main=(
            "mydestination = $f",
            "smtpd_sender_restrictions = reject_unverified_sender", PATIENT,
            *snippet("manual", "main.cf: address verification")),
        master=snippet("manual", "master.cf: address verification")),
)
