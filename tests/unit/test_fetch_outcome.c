/*
 * fetch/fetch_outcome.c: F-18, every error code of libcurl ends as a failure
 * that has a name, words, and a result type of RFC 8460.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <string.h>

#include "fetch/fetch_internal.h"

/* More codes than any libcurl has. */
#define CODES_MAX 400

static struct fetch_result
judged(unsigned code)
{
	static const struct fetch_rules rules = {.max_bytes = 65536};
	struct fetch_transfer transfer = {.rules = &rules};
	struct fetch_result result;

	transfer.easy = curl_easy_init();
	cr_assert_not_null(transfer.easy);
	fetch_outcome_judge(&transfer, (CURLcode)code);
	result = transfer.result;
	curl_easy_cleanup(transfer.easy);
	return result;
}

Test(fetch_outcome, F_18_no_error_ends_as_an_empty_result)
{
	for (unsigned code = 1; code < CODES_MAX; code++) {
		struct fetch_result result = judged(code);

		cr_expect_neq(result.failure, FETCH_FAILURE_NONE, "%u", code);
		cr_expect_str_neq(fetch_failure_tlsrpt(result.failure), "",
		    "%u", code);
		cr_expect_str_neq(result.why, "", "%u", code);
	}
}

/* Of the libcurl that is loaded, which may be newer than the header. */
static bool
is_known_to_libcurl(unsigned code)
{
	return strcmp(curl_easy_strerror((CURLcode)code),
		   curl_easy_strerror((CURLcode)CODES_MAX)) != 0;
}

Test(fetch_outcome, F_18_the_table_knows_every_error_of_this_libcurl)
{
	static const char unknown[] = "libcurl error";

	for (unsigned code = 1; code < CODES_MAX; code++) {
		struct fetch_result result;

		if (code >= CURL_LAST && !is_known_to_libcurl(code))
			continue;
		result = judged(code);
		cr_expect_neq(strncmp(result.why, unknown, strlen(unknown)), 0,
		    "%u is not in the table: %s", code, result.why);
	}
}

static const struct {
	unsigned code;
	enum fetch_failure failure;
} rows[] = {
    {CURLE_COULDNT_CONNECT,          FETCH_FAILURE_CONNECT                   },
    {CURLE_SSL_CONNECT_ERROR,        FETCH_FAILURE_TLS                       },
    {CURLE_PEER_FAILED_VERIFICATION, FETCH_FAILURE_CERTIFICATE               },
    {CURLE_GOT_NOTHING,              FETCH_FAILURE_HTTP                      },
    {CURLE_BAD_CONTENT_ENCODING,     FETCH_FAILURE_HTTP                      },
    {CURLE_PARTIAL_FILE,             FETCH_FAILURE_SHORT                     },
    {CURLE_SSL_SHUTDOWN_FAILED,      FETCH_FAILURE_SHORT                     },
    {CURLE_OPERATION_TIMEDOUT,       FETCH_FAILURE_TIMEOUT                   },
    {CURLE_OUT_OF_MEMORY,            FETCH_FAILURE_INTERNAL                  },
    {100,			    /* CURLE_TOO_LARGE */ FETCH_FAILURE_SIZE},
    {399,			    /* none */ FETCH_FAILURE_INTERNAL       },
};

Test(fetch_outcome, F_18_kinds)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(judged(rows[i].code).failure, rows[i].failure,
		    "%u", rows[i].code);
}
