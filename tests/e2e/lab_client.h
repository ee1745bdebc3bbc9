/*
 * The lab (tests/lab/lab) as the tests use it: run one of its commands, look
 * at what it printed. A command that cannot be run fails the test.
 */
#ifndef E2E_LAB_CLIENT_H
#define E2E_LAB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define LAB_DIR_VARIABLE "DANE_STS_LAB_DIR"
#define LAB_LINE_SIZE    4096
#define LAB_UNAVAILABLE  77 /* as automake knows it */

struct lab_output {
	int status; /* exit status; 128 and the signal's number */
	size_t len;
	char *text; /* standard output, NUL at the end; free() */
};

/* words end in NULL. 0, or -1 when the command could not be run. */
int lab_run(const char *const *words, struct lab_output *out);

/* The same, but must exit with 0. Its output; free() it. */
char *lab_must(const char *const *words);
#define LAB(...)      free(lab_must((const char *const[]){__VA_ARGS__, NULL}))
#define LAB_TEXT(...) lab_must((const char *const[]){__VA_ARGS__, NULL})

/*
 * One SMTP session with all recipients (NULL ends the list), no message. The
 * transcript; free() it.
 */
char *lab_ask(const char *const *recipients);
#define LAB_ASK(...) lab_ask((const char *const[]){__VA_ARGS__, NULL})

/* What the server said to RCPT TO:<recipient>; "" if it was not asked. */
void lab_reply(const char *transcript, const char *recipient,
    char out[LAB_LINE_SIZE]);

/*
 * The newest log line with these words ("reason=secure"), awaited for a
 * bounded time. terms end in NULL. free() it.
 */
char *lab_log(const char *const *terms);
#define LAB_LOG(...) lab_log((const char *const[]){__VA_ARGS__, NULL})

/* The value of key in a logfmt line, without quotes; "" if it is not there. */
void lab_field(const char *line, const char *key, char out[LAB_LINE_SIZE]);

/* One message over Postfix, which must take it. */
void lab_send(const char *recipient);

/* Awaits the message at an MX host. "X-TLS: TLSv1.3" or "X-TLS: none" tells
 * how it came. */
void lab_expect_delivered(const char *recipient, const char *tls);
void lab_expect_not_delivered(const char *recipient);

/* Awaits the message in Postfix' queue with a reason that holds these words:
 * Postfix has tried, and did not deliver. */
void lab_expect_deferred(const char *recipient, const char *reason);

/* Awaits the daemon's line about its answer at delivery. */
void lab_expect_answer(const char *domain, const char *answer);

/* A fresh daemon with nothing stored, nothing tampered with; more options
 * ("mode=monitor") may follow, NULL ends them. */
void lab_fresh(const char *const *options);
#define LAB_FRESH(...) lab_fresh((const char *const[]){__VA_ARGS__, NULL})

#endif
