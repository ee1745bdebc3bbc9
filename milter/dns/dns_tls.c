#include "autoconf.h"

#include "dns/dns_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>

/* "192.0.2.1                   : Verify failed : TLS - *Failure* - (62) ..." */
static const char opened[] = " : Conn opened: TLS";
static const char closed[] = " : Conn closed: TLS - *Failure*";
static const char passed[] = " : Verify passed : TLS";
static const char failed[] = " : Verify failed : TLS";

/* The address that the line begins with. */
static int
address_len(const char *line)
{
	return (int)strcspn(line, " ");
}

/* What follows is `- (62) "hostname mismatch"`, or words. */
static void
note_certificate(struct dns_tls *tls, const char *line, const char *rest)
{
	const char *code = strchr(rest, '(');
	const char *words = strchr(rest, '"');
	long error = code != NULL ? strtol(code + 1, NULL, 10) : 0;

	tls->judged = true;
	if (error == X509_V_ERR_HOSTNAME_MISMATCH)
		(void)snprintf(tls->why, sizeof(tls->why),
		    "the certificate of %.*s is for another name",
		    address_len(line), line);
	else if (error != 0 && words != NULL)
		(void)snprintf(tls->why, sizeof(tls->why),
		    "the certificate of %.*s is not trusted: %.*s",
		    address_len(line), line, (int)strcspn(words + 1, "\""),
		    words + 1);
	else
		(void)snprintf(tls->why, sizeof(tls->why),
		    "%.*s has shown no certificate", address_len(line), line);
}

static void
note_connection(struct dns_tls *tls, const char *line, bool reached)
{
	(void)snprintf(tls->why, sizeof(tls->why),
	    reached ? "%.*s breaks off TLS" : "nothing listens on %.*s",
	    address_len(line), line);
}

void
dns_tls_note(struct dns_tls *tls, const char *line, bool *reached)
{
	const char *rest;

	if (strstr(line, opened) != NULL) {
		tls->judged = false;
		*reached = false;
	} else if (strstr(line, passed) != NULL) {
		tls->judged = true;
		tls->why[0] = '\0';
	} else if ((rest = strstr(line, failed)) != NULL) {
		note_certificate(tls, line, rest);
	} else if (strstr(line, closed) != NULL && !tls->judged) {
		note_connection(tls, line, *reached);
	}
}
