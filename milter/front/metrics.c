/* Writes the counters for Prometheus, with their public names. See web.h. */
#include "autoconf.h"

#include "front/web.h"

#include <inttypes.h>

#include "dns/dns.h"
#include "fetch/fetch.h"
#include "front/tls_lookup.h"
#include "log/metrics.h"

/* --- labels of rows and columns --- */

static const char *const verdict_labels[] = {
#define X(member, name) [member] = (name),
    VERDICT_TABLE(X)
#undef X
};

static const char *const answer_labels[] = {
    [RECIPIENT_PASS] = "pass",
    [RECIPIENT_REFUSE] = "refuse",
    [RECIPIENT_HOLD] = "hold",
};

static const char *const type_labels[] = {
#define X(member, value, name) (name),
    DNS_TYPE_TABLE(X)
#undef X
};

static const char *const status_labels[] = {
#define X(member, name) [member] = (name),
    FACT_STATUS_TABLE(X)
#undef X
};

static const char *const fetch_labels[] = {
#define X(member, name, tlsrpt) [member] = (name),
    FETCH_FAILURE_TABLE(X)
#undef X
};

static const char *const store_labels[] = {
#define X(member, name) [member] = (name),
    METRICS_STORE_TABLE(X)
#undef X
};

static const char *const cache_labels[] = {"miss", "hit"};
static const char *const refresh_labels[] = {"failed", "ok"};

static const char *const bounds[] = {
#define X(us, seconds) (seconds),
    METRICS_BUCKET_TABLE(X)
#undef X
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The cells that log/metrics.c has. */
#define ROWS_METRICS_RECIPIENTS       REASON_COUNT
#define ROWS_METRICS_ANSWERS          N(answer_labels)
#define ROWS_METRICS_SPARED           REASON_COUNT
#define ROWS_METRICS_PINNED           N(verdict_labels)
#define ROWS_METRICS_DNS              N(type_labels)
#define ROWS_METRICS_FETCHES          N(fetch_labels)
#define ROWS_METRICS_INVALID_POLICIES 1
#define ROWS_METRICS_VERDICT_CACHE    N(cache_labels)
#define ROWS_METRICS_REFRESHES        N(refresh_labels)
#define ROWS_METRICS_STORE_ERRORS     N(store_labels)
#define X(member, rows, columns) \
	_Static_assert((rows) == ROWS_##member, "a label for each row");
METRICS_COUNTER_TABLE(X)
#undef X
_Static_assert(N(status_labels) == METRICS_DNS_STATUSES,
    "a label for each column");

/* --- lines --- */

static void
put_head(FILE *out, const char *name, const char *type, const char *help)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

static void
put_gauge(FILE *out, const char *name, const char *help, int64_t value)
{
	put_head(out, name, "gauge", help);
	(void)fprintf(out, "%s %" PRId64 "\n", name, value);
}

/* One label. Writes all its values, also zeros, so that each series exists from
 * the start. */
static void
put_counters(FILE *out, const struct metrics *metrics,
    enum metrics_counter counter, const char *name, const char *help,
    const char *label, const char *const *values, size_t n)
{
	put_head(out, name, "counter", help);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
		    values[i], metrics_sum(metrics, counter, i, 0));
}

/* Cumulative, as Prometheus has them. */
static void
put_histogram(FILE *out, const struct metrics *metrics,
    enum metrics_histogram histogram, const char *name, const char *help)
{
	struct metrics_times times;
	uint64_t n = 0;

	metrics_times(metrics, histogram, &times);
	put_head(out, name, "histogram", help);
	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		n += times.bucket[i];
		(void)fprintf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
		    bounds[i], n);
	}
	(void)fprintf(out,
	    "%s_sum %" PRIu64 ".%06" PRIu64 "\n%s_count %" PRIu64 "\n", name,
	    times.sum_us / 1000000, times.sum_us % 1000000, name, times.n);
}

/* --- families --- */

static void
put_recipients(FILE *out, const struct metrics *metrics)
{
	static const char name[] = "dane_sts_recipients_total";
	static const char spared[] = "dane_sts_recipients_spared_total";

	put_head(out, name, "counter",
	    "Recipients by verdict and reason, whether or not it is enforced.");
	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++) {
			uint64_t n =
			    metrics_sum(metrics, METRICS_RECIPIENTS, r, v);

			/* Shows 0 for the verdict that the reason leads to
			 * unless something special is configured. */
			if (n > 0 ||
			    v ==
				(reason_texts[r].reply[0] == '\0'
					? VERDICT_PASS
					: VERDICT_DEFER))
				(void)fprintf(out,
				    "%s{verdict=\"%s\",reason=\"%s\"} %" PRIu64
				    "\n",
				    name, verdict_labels[v],
				    reason_name((enum reason)r), n);
		}
	put_counters(out, metrics, METRICS_ANSWERS,
	    "dane_sts_recipient_answers_total",
	    "Recipients by what the MTA was told.", "answer", answer_labels,
	    N(answer_labels));
	put_head(out, spared, "counter",
	    "Recipients that passed only because of monitor mode or "
	    "enforce_percent, by reason.");
	for (size_t r = 0; r < REASON_COUNT; r++)
		if (reason_texts[r].reply[0] != '\0')
			(void)fprintf(out, "%s{reason=\"%s\"} %" PRIu64 "\n",
			    spared, reason_name((enum reason)r),
			    metrics_sum(metrics, METRICS_SPARED, r, 0));
	put_counters(out, metrics, METRICS_PINNED,
	    "dane_sts_pinned_recipients_total",
	    "Of all recipients, those of pinned domains, by verdict.",
	    "verdict", verdict_labels, N(verdict_labels));
	put_histogram(out, metrics, METRICS_RECIPIENT_TIME,
	    "dane_sts_recipient_duration_seconds",
	    "Time that a recipient waited for the answer.");
}

static void
put_lookups(FILE *out, const struct metrics *metrics)
{
	static const char name[] = "dane_sts_dns_lookups_total";

	put_head(out, name, "counter",
	    "DNS lookups by type and DNSSEC status; DNSKEY is that of the "
	    "resolver probe.");
	for (size_t t = 0; t < N(type_labels); t++)
		for (size_t s = FACT_SECURE; s < N(status_labels); s++)
			(void)fprintf(out,
			    "%s{type=\"%s\",status=\"%s\"} %" PRIu64 "\n", name,
			    type_labels[t], status_labels[s],
			    metrics_sum(metrics, METRICS_DNS, t, s));
	put_histogram(out, metrics, METRICS_DNS_TIME,
	    "dane_sts_dns_lookup_duration_seconds",
	    "Time of a DNS lookup, validation included.");
}

static void
put_policies(FILE *out, const struct metrics *metrics)
{
	put_counters(out, metrics, METRICS_FETCHES,
	    "dane_sts_policy_fetches_total",
	    "Policy fetches over HTTPS by result: ok, or what failed.",
	    "result", fetch_labels, N(fetch_labels));
	put_histogram(out, metrics, METRICS_FETCH_TIME,
	    "dane_sts_policy_fetch_duration_seconds",
	    "Time of a policy fetch.");
	put_head(out, "dane_sts_invalid_policies_total", "counter",
	    "Policies that were fetched and are none by the rules of RFC "
	    "8461.");
	(void)fprintf(out, "dane_sts_invalid_policies_total %" PRIu64 "\n",
	    metrics_sum(metrics, METRICS_INVALID_POLICIES, 0, 0));
	put_counters(out, metrics, METRICS_REFRESHES,
	    "dane_sts_policy_refreshes_total",
	    "Proactive refreshes of stored policies by result.", "result",
	    refresh_labels, N(refresh_labels));
}

static void
put_verdict_cache(FILE *out, const struct metrics_view *view)
{
	put_counters(out, view->metrics, METRICS_VERDICT_CACHE,
	    "dane_sts_verdict_cache_requests_total",
	    "Questions to the verdict cache by result.", "result", cache_labels,
	    N(cache_labels));
	put_gauge(out, "dane_sts_verdict_cache_entries",
	    "Verdicts in the cache.", (int64_t)view->engine->verdicts);
	put_gauge(out, "dane_sts_verdict_cache_bytes",
	    "Memory that the cached verdicts take.",
	    (int64_t)view->engine->verdict_octets);
}

static void
put_store(FILE *out, const struct metrics_view *view)
{
	static const char failing[] = "dane_sts_store_failing";

	put_counters(out, view->metrics, METRICS_STORE_ERRORS,
	    "dane_sts_store_errors_total",
	    "Operations of the policy store that failed.", "operation",
	    store_labels, N(store_labels));
	put_head(out, failing, "gauge",
	    "Whether the latest operation of the policy store failed, or "
	    "policies are in memory alone.");
	for (size_t i = 0; i < N(store_labels); i++) {
		bool fails = metrics_store_fails(view->metrics,
		    (enum metrics_store_operation)i);

		if (i == METRICS_STORE_WRITE && view->unwritten > 0)
			fails = true;
		(void)fprintf(out, "%s{operation=\"%s\"} %d\n", failing,
		    store_labels[i], fails);
	}
	put_gauge(out, "dane_sts_store_policies",
	    "Policies in the store, expired ones included.",
	    (int64_t)view->stored);
	put_gauge(out, "dane_sts_store_unwritten_policies",
	    "Policies in memory alone, as the store does not take them now.",
	    (int64_t)view->unwritten);
}

static void
put_census(FILE *out, const struct census *census)
{
	if (census == NULL)
		return;
	put_gauge(out, "dane_sts_policies_bound",
	    "Stored policies that demand DNSSEC.", (int64_t)census->binding);
	put_gauge(out, "dane_sts_policies_refresh_failing",
	    "Stored policies that demand DNSSEC and whose latest refresh "
	    "failed.",
	    (int64_t)census->failing);
	if (census->n > 0)
		put_gauge(out, "dane_sts_policy_next_expiry_timestamp_seconds",
		    "When the next of those that demand DNSSEC expires.",
		    census->listed[0].expires_s);
	if (census->failing > 0)
		put_gauge(out,
		    "dane_sts_policy_next_failing_expiry_timestamp_seconds",
		    "When the next of those expires whose latest refresh "
		    "failed.",
		    census->failing_expires_s);
}

static void
put_engine(FILE *out, const struct engine_status *engine)
{
	if (engine->resolver != PROBE_UNKNOWN)
		put_gauge(out, "dane_sts_resolver_ok",
		    "Whether the resolver path validates, says the probe.",
		    engine->resolver == PROBE_OK);
	put_gauge(out, "dane_sts_lookups_in_progress",
	    "Domains that are being looked up.", (int64_t)engine->lookups);
	put_gauge(out, "dane_sts_askers_waiting",
	    "Recipients and others that wait for a lookup.",
	    (int64_t)engine->askers);
	put_gauge(out, "dane_sts_config_generation",
	    "Configurations that were loaded: 1, and 1 more for each reload.",
	    (int64_t)engine->generation);
}

static void
put_tls(FILE *out, const struct tls_counters *tls)
{
	static const char name[] = "dane_sts_tls_policies_total";

	if (tls == NULL)
		return;
	put_head(out, name, "counter", "Answers at delivery by TLS policy.");
	for (size_t i = 0; i < TLS_POLICY_KINDS; i++)
		(void)fprintf(out, "%s{policy=\"%s\"} %llu\n", name,
		    tls_policy_name((enum tls_policy_kind)i),
		    atomic_load_explicit(&tls->answers[i],
			memory_order_relaxed));
	put_head(out, "dane_sts_tls_malformed_requests_total", "counter",
	    "Requests at policy_socket that were none.");
	(void)fprintf(out, "dane_sts_tls_malformed_requests_total %llu\n",
	    atomic_load_explicit(&tls->malformed, memory_order_relaxed));
}

void
metrics_write(FILE *out, const struct metrics_view *view)
{
	put_head(out, "dane_sts_build_info", "gauge",
	    "A constant 1; the version is in the label.");
	(void)fprintf(out, "dane_sts_build_info{version=\"%s\"} 1\n",
	    view->version);
	put_gauge(out, "process_start_time_seconds",
	    "Start time of the process since the epoch.", view->started_s);
	put_head(out, "dane_sts_enforced_ratio", "gauge",
	    "Share of all domains whose recipients can be deferred; 0 in "
	    "monitor mode.");
	(void)fprintf(out, "dane_sts_enforced_ratio %u.%02u\n",
	    view->enforced / 100, view->enforced % 100);
	put_gauge(out, "dane_sts_pinned_domains",
	    "Entries of require_domains and require_file that are in force.",
	    (int64_t)view->pins);
	put_gauge(out, "dane_sts_pinned_domains_lapsing",
	    "Of those, entries that lapse within 7 days.",
	    (int64_t)view->pins_lapsing);
	put_recipients(out, view->metrics);
	put_lookups(out, view->metrics);
	put_policies(out, view->metrics);
	put_verdict_cache(out, view);
	put_store(out, view);
	put_census(out, view->census);
	put_engine(out, view->engine);
	put_tls(out, view->tls);
}
