/*
 * Explains every reason of a verdict: one sentence on its meaning, one of
 * advice, and for DNSSEC failures the commands that find the cause.
 *
 * Any thread.
 */
#ifndef TEXT_ADVICE_H
#define TEXT_ADVICE_H

#include <stdio.h>

#include "core/verdict.h"

/* X(reason, what it means, what to do) */
/* clang-format off */
#define ADVICE_TABLE(X)                                                        \
	X(REASON_NO_DOMAIN,                                                    \
	    "The address has no domain.",                                      \
	    "Nothing to do: there is no domain that could have a policy.")     \
	X(REASON_LITERAL,                                                      \
	    "The recipient is user@[ADDRESS], and a literal address has no "   \
	    "policy.",                                                         \
	    "Nothing to do: the sender chose the host by its address, so no "  \
	    "DNS record leads there.")                                         \
	X(REASON_SMART_HOST_ADDRESS,                                           \
	    "The next hop is an address, which has no policy: the relay "      \
	    "chooses the way on.",                                             \
	    "Run this filter on the relay, which looks up the MX hosts; here " \
	    "it checks nothing. A relay that is named has the policy of its "  \
	    "own domain checked.")                                             \
	X(REASON_INVALID_ADDRESS,                                              \
	    "No DNS name can be made of the domain.",                          \
	    "Nothing to do if the MTA refuses the recipient, too; if it does " \
	    "not, please report the line of the log.")                         \
	X(REASON_LOCAL,                                                        \
	    "The MTA does not relay it over the DNS: its mailer is one of "    \
	    "local_mailers, or its next hop is a socket.",                     \
	    "Nothing for a mailbox here. An alias may lead elsewhere, which "  \
	    "only policy_socket sees; a mailer that relays over the DNS has "  \
	    "to leave local_mailers.")                                         \
	X(REASON_EXEMPT,                                                       \
	    "The domain, or the sender, is exempt by configuration.",          \
	    "Nothing, or take the entry out of exempt_domains, exempt_file "   \
	    "or exempt_senders to have such mail checked.")                    \
	X(REASON_NO_POLICY,                                                    \
	    "The domain has no MTA-STS policy.",                               \
	    "Nothing to do: the domain asks for nothing; its owner can "       \
	    "publish an MTA-STS policy with \"dnssec: yes\".")                 \
	X(REASON_NO_DNSSEC_FLAG,                                               \
	    "The policy of the domain does not require DNSSEC.",               \
	    "Nothing to do: the policy does not ask for DNSSEC; its owner can " \
	    "add \"dnssec: yes\".")                                            \
	X(REASON_SECURE,                                                       \
	    "The domain requires DNSSEC, and all that delivery needs is "      \
	    "signed and valid.",                                               \
	    "Nothing to do: everything that delivery needs is signed and "     \
	    "valid.")                                                          \
	X(REASON_NULL_MX,                                                      \
	    "The domain says that it takes no mail.",                          \
	    "Nothing to do: the domain takes no mail (RFC 7505), and the MTA " \
	    "bounces it.")                                                     \
	X(REASON_NO_SUCH_DOMAIN,                                               \
	    "The domain does not exist, says a signed answer.",                \
	    "Nothing to do: the domain does not exist, and the MTA bounces "   \
	    "the message; check the spelling.")                                \
	X(REASON_NO_USABLE_HOST,                                               \
	    "No MX record names a host that has an address, say signed "       \
	    "answers.",                                                        \
	    "Nothing on this side: no MX record names a host that has an "     \
	    "address; the owner should correct the MX records.")               \
	X(REASON_MX_INSECURE,                                                  \
	    "The domain requires DNSSEC, and its MX records are not "          \
	    "signed.",                                                         \
	    "The owner should sign the zone or complete its chain of DS "      \
	    "records; if others see it signed, the answers are stripped on "   \
	    "the way to you.")                                                 \
	X(REASON_MX_BOGUS,                                                     \
	    "The domain requires DNSSEC, and the signatures of its MX "        \
	    "records are not valid.",                                          \
	    "The owner should renew the signatures or correct the DS "         \
	    "records; if others find them valid, the answers are forged on "   \
	    "the way to you.")                                                 \
	X(REASON_MX_FAILED,                                                    \
	    "The domain requires DNSSEC, and its MX records could not "        \
	    "be looked up.",                                                   \
	    "Ask again later; if it lasts, the owner should look at the name " \
	    "servers of the domain.")                                          \
	X(REASON_ADDRESS_INSECURE,                                             \
	    "The domain requires DNSSEC, and the address of an MX host "       \
	    "is not signed.",                                                  \
	    "The operator of the MX host should sign the zone of its name, "   \
	    "or the owner should name hosts in signed zones.")                 \
	X(REASON_ADDRESS_BOGUS,                                                \
	    "The domain requires DNSSEC, and the signatures of the "           \
	    "address of an MX host are not valid.",                            \
	    "The operator of the MX host should renew the signatures of its "  \
	    "zone; if others find them valid, the answers are forged on the "  \
	    "way to you.")                                                     \
	X(REASON_ADDRESS_FAILED,                                               \
	    "The domain requires DNSSEC, and the address of an MX host "       \
	    "could not be looked up.",                                         \
	    "Ask again later; if it lasts, the operator of the MX host "       \
	    "should look at the name servers of its zone.")                    \
	X(REASON_TLSA_INSECURE,                                                \
	    "The domain requires DNSSEC, and the TLSA records of an MX host, " \
	    "or the proof that there are none, are not signed.",               \
	    "The zone of the TLSA name should be signed like that of the MX "  \
	    "host; look at delegations and aliases below the host's name.")    \
	X(REASON_TLSA_BOGUS,                                                   \
	    "The domain requires DNSSEC, and the signatures of the TLSA "      \
	    "records of an MX host, or of the proof that there are "           \
	    "none, are not valid.",                                            \
	    "The operator of the MX host should correct the signatures of "    \
	    "the TLSA record or of the proof that there is none.")             \
	X(REASON_TLSA_FAILED,                                                  \
	    "The domain requires DNSSEC, and the TLSA records of an MX "       \
	    "host could not be looked up.",                                    \
	    "The name servers of the MX host should answer TLSA queries; "     \
	    "some drop query types that they do not know.")                    \
	X(REASON_TLSA_MISSING,                                                 \
	    "The domain requires DNSSEC, and an MX host has no TLSA "          \
	    "record, which tlsa = \"required\" demands.",                      \
	    "Your configuration demands DANE (tlsa = \"required\"): the "      \
	    "operator of the MX host should publish TLSA records, or you use " \
	    "\"checked\".")                                                    \
	X(REASON_MX_MISMATCH,                                                  \
	    "The domain requires DNSSEC, and no mx pattern of its "            \
	    "policy covers an MX host, which mx_patterns = \"enforce\" "       \
	    "demands.",                                                        \
	    "The owner should add an mx pattern to the policy that covers "    \
	    "the MX host, and then change the id in the TXT record.")          \
	X(REASON_HOSTS_TRUNCATED,                                              \
	    "The domain requires DNSSEC, and has more MX hosts than are "      \
	    "looked at.",                                                      \
	    "The owner should publish fewer MX hosts: the rest is not "        \
	    "looked at, and so not known to be secure.")                       \
	X(REASON_DISCOVERY_FAILED,                                             \
	    "Whether the domain has a policy could not be found out, "         \
	    "and none is stored.",                                             \
	    "See what dane-sts lint --domain says: if the trouble lasts, the " \
	    "owner should correct the TXT record or the policy host.")         \
	X(REASON_DISCOVERY_BOGUS,                                              \
	    "No TXT record was found, the denial is bogus, the policy host "   \
	    "served no policy, and none is stored.",                           \
	    "The owner should correct the signatures of the zone: the denial " \
	    "of the TXT record at _mta-sts does not validate. If others find " \
	    "it valid, somebody on the way to you may be hiding a policy.")    \
	X(REASON_DEADLINE,                                                     \
	    "The answers did not come in time.",                               \
	    "Wait for the next try, which uses the answers that have arrived " \
	    "by then. If it lasts, look at the resolver, or raise the options " \
	    "deadline and dns_timeout.")                                       \
	X(REASON_RESOLVER_BROKEN,                                              \
	    "The filter's own path to the DNS does not validate, so "          \
	    "that no answer means anything.",                                  \
	    "Look at your own resolver: even the root does not validate, so "  \
	    "check trust_anchor, resolvers and the clock.")                    \
	X(REASON_INTERNAL_ERROR,                                               \
	    "A part of the filter itself failed.",                             \
	    "Look at what dane-sts and the system log say: the policy store, " \
	    "memory, files or a library failed here.")
/* clang-format on */

/*
 * Prints, for a record that is insecure or bogus, commands that tell a mistake
 * of the owner from an attack, and the meaning of each outcome. Prints nothing
 * for other verdicts.
 */
void advice_recipe(FILE *out, size_t width, const struct verdict *verdict);

/* Static texts that end in a full stop. */
const char *advice_text(enum reason reason);
const char *advice_meaning(enum reason reason);

#endif
