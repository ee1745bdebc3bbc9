"""Routing configurations of Sendmail, one row each, as in routes_rows.py."""

from dataclasses import dataclass

from routes_rows import AT_BOUND, FREE, LOCAL_USER, OVER_BOUND, OVER_FREE, \
    REFUSED, SMART_HOST, Row, local
from sendmail import HOST_NAME
from snippets import snippet


@dataclass(frozen=True)
class SendmailRow(Row):
    """
    sample with the lines of etc/sendmail.mc
    mc     lines of sendmail.mc
    files  name and text of files in /mnt
    sts    with FEATURE(`sts'); without, no map is asked, and mail that comes
           past the filter is not looked at: none is sent then
    """

    sender: str = f"{LOCAL_USER}@{HOST_NAME}"
    mc: tuple = ()
    files: tuple = ()
    sts: bool = True

    @property
    def past(self):
        """Whether a message is sent past the filter, too."""
        return self.sts


def smarthost(name, value, **expected):
    """Mail to a domain without policy, over a smart host."""
    return SendmailRow("smarthost-" + name, to="$u@$f", sts=False,
                       mc=(f"define(`SMART_HOST', `{value}')dnl",),
                       **expected | {"asked": ()})


TEXT_MAP = "text -k0 -v1 -z\\t /mnt/"


def mailertable(name, value, **expected):
    """Mail to a domain without policy, by mailertable."""
    return SendmailRow("mailertable-" + name, to="$u@$f", sts=False,
                       mc=(f"FEATURE(`mailertable', `{TEXT_MAP}table')dnl",),
                       files=(("table", f"$f\t{value}\n.$f\t{value}\n"),),
                       **expected | {"asked": ()})


def feature(name, title, replace=()):
    """One line, for without the filter it is left out as a whole."""
    return ("\n".join(snippet(name, title, replace)),)


SENDMAIL_ROWS = (
    # --- the documentation
    SendmailRow("s-readme", sample=False, sts=False, asked=(),
                mc=feature("README", "sendmail.mc")),
    SendmailRow("s-manual", sample=False, sts=False, asked=(),
                mc=feature("manual", "sendmail.mc")),
    SendmailRow("s-debian", sample=False, sts=False, asked=(),
                mc=feature("Debian", "sendmail.mc")),
    SendmailRow("s-debian-unix-socket", sample=False, sts=False, asked=(),
                mc=feature("Debian", "sendmail.mc: unix socket", (
                    ("/run/dane-sts-milter/", "${socket_dir}"),))),
    # ---
    SendmailRow("s-mx"),
    SendmailRow("s-mx-free", to="$u@$f", **FREE),
    # --- SMART_HOST
    smarthost("name", "$hb", **OVER_BOUND),
    smarthost("name-free", "$hf", **OVER_FREE),
    smarthost("dot", "$hb.", **OVER_BOUND),
    smarthost("host", "[$hb]", **AT_BOUND),
    smarthost("address", "[$smarthost]", **SMART_HOST),
    smarthost("mailer", "esmtp:$hb", **OVER_BOUND),
    smarthost("mailer-host", "relay:[$hb]", **AT_BOUND),
    # The first of a list is judged; where it does not answer, mail goes on.
    smarthost("list", "$hb:$hf", **OVER_BOUND),
    smarthost("list-free-first", "$hf:$hb", **OVER_FREE),
    smarthost("list-address-first", "[$smarthost]:$hb", **SMART_HOST),
    # --- mailertable
    mailertable("name", "esmtp:$hb", **OVER_BOUND),
    mailertable("host", "esmtp:[$hb]", **AT_BOUND),
    mailertable("relay", "relay:$hb", **OVER_BOUND),
    mailertable("address", "esmtp:[$smarthost]", **SMART_HOST),
    mailertable("list", "esmtp:[$hb]:$hf", **AT_BOUND),
    mailertable("list-address-first", "esmtp:[$smarthost]:$hb", **SMART_HOST),
    mailertable("local", "local:" + LOCAL_USER, **local("local")),
    mailertable("error", "error:5.7.0:550 not here", **REFUSED),
    # --- rewritten before RCPT is judged
    SendmailRow("virtusertable", to="$u@$f", mc=(
        f"FEATURE(`virtusertable', `{TEXT_MAP}table')dnl",
        "VIRTUSER_DOMAIN(`$f')dnl"),
        files=(("table", "@$f\tsomeone@$b\n"),)),
    SendmailRow("virtusertable-error", to="$u@$f", mc=(
        f"FEATURE(`virtusertable', `{TEXT_MAP}table')dnl",
        "VIRTUSER_DOMAIN(`$f')dnl"),
        files=(("table", "@$f\terror:5.7.0:550 not here\n"),), **REFUSED),
    SendmailRow("domaintable", to="$u@$f", mc=(
        f"FEATURE(`domaintable', `{TEXT_MAP}table')dnl",),
        files=(("table", "$f\t$b\n"),)),
    # --- local
    SendmailRow("s-local", to=LOCAL_USER + "@$f",
                mc=("LOCAL_DOMAIN(`$f')dnl",), **local("local")),
    SendmailRow("s-alias", to="list@$f", mc=("LOCAL_DOMAIN(`$f')dnl",),
                files=(("aliases", "list: someone@$b\n"),),
                judged="- local"),
    SendmailRow("mail-hub", to=LOCAL_USER + "@$f", judged="- local",
                asked=("$hb TEMP",), mc=(
                    "LOCAL_DOMAIN(`$f')dnl", "define(`MAIL_HUB', `$hb')dnl")),
    SendmailRow("luser-relay", to="$u@$f", judged="- local",
                asked=("$hb TEMP",), mc=(
                    "LOCAL_DOMAIN(`$f')dnl",
                    "define(`LUSER_RELAY', `$hb')dnl")),
    # --- how an address is written
    SendmailRow("s-literal", to="$u@[$smarthost]", where=("smarthost",),
                judged="- literal", asked=("[$smarthost] NOTFOUND",)),
    SendmailRow("s-trailing-dot", to="$u@$b."),
    SendmailRow("s-source-route", to="@$f,@$hf:$u@$b"),
    SendmailRow("s-percent", to="$u%$b@$f", mc=("LOCAL_DOMAIN(`$f')dnl",)),
    SendmailRow("s-percent-exempt", to="$u%$b@exempt.$f",
                mc=("LOCAL_DOMAIN(`exempt.$f')dnl",)),
    SendmailRow("s-bang", to="$b!$u@$f", mc=("LOCAL_DOMAIN(`$f')dnl",)),
    # --- fallback
    SendmailRow("fallback-mx", mc=("define(`confFALLBACK_MX', `$hf')dnl",)),
    SendmailRow("fallback-smarthost",
                mc=("define(`confFALLBACK_SMARTHOST', `$hf')dnl",)),
    # --- against the documentation: Sendmail asks the map about the domain of
    # the recipient, wherever mail goes
    SendmailRow("sts-smarthost", where=("free-mx",),
                judged="$hf no-policy", asked=("$b TEMP",),
                against="FEATURE(`sts') with SMART_HOST: mail stays",
                reached=("deferred",),
                mc=("define(`SMART_HOST', `$hf')dnl",)),
    SendmailRow("sts-smarthost-secure", to="$u@secure.test",
                where=("free-mx",), judged="$hf no-policy",
                asked=("secure.test OK",),
                against="FEATURE(`sts') with SMART_HOST: mail stays",
                reached=("deferred",),
                mc=("define(`SMART_HOST', `$hf')dnl",)),
    SendmailRow("sts-mailertable", to="$u@$f", judged="$hb mx-insecure",
                asked=("$f NOTFOUND",),
                against="FEATURE(`sts') with mailertable: nothing is seen",
                reached=("bound-mx", "refused"),
                mc=(f"FEATURE(`mailertable', `{TEXT_MAP}table')dnl",),
                files=(("table", "$f\tesmtp:$hb\n"),)),
)
