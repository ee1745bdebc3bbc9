/*
 * What holds of decide() for all facts, tried on many: an early answer is
 * never contradicted by a later one, and a bound domain passes if and only if
 * a slow and obvious judge says so.
 */
#include "autoconf.h"

#include "core/decide.h"

#include <string.h>

#include <criterion/criterion.h>

#define HOSTS    2
#define N(array) (sizeof(array) / sizeof((array)[0]))

/* --- facts by number ---------------------------------------------------- */

/* clang-format off */

/* The first is the one that any of the others can follow. */
static const struct fact_rrset records[] = {
    {.status = FACT_UNASKED},
    {.status = FACT_SECURE, .answer = ANSWER_RECORDS},
    {.status = FACT_SECURE, .answer = ANSWER_NODATA},
    {.status = FACT_BOGUS},
    {.status = FACT_FAILED},
    {.status = FACT_INSECURE, .answer = ANSWER_RECORDS},
    {.status = FACT_INDETERMINATE, .answer = ANSWER_NXDOMAIN},
    {.status = FACT_SECURE, .answer = ANSWER_NXDOMAIN},
};
#define RECORDS_FEW 5 /* of them, for what must be short */

static const struct fact_rrset mx_records[] = {
    {.status = FACT_UNASKED},
    {.status = FACT_SECURE, .answer = ANSWER_RECORDS}, /* MX_RECORDS */
    {.status = FACT_SECURE, .answer = ANSWER_NULL_MX},
    {.status = FACT_SECURE, .answer = ANSWER_NXDOMAIN},
    {.status = FACT_INSECURE, .answer = ANSWER_NULL_MX},
    {.status = FACT_BOGUS, .answer = ANSWER_NXDOMAIN},
    {.status = FACT_FAILED},
};
#define MX_RECORDS 1

static const char *const all_hosts[] = {"*.example.org"};
static const char *const one_host[] = {"mx1.example.org"};

#define POLICY(name, flag, its_mode, its_mx)                                   \
	{                                                                      \
		.id = name, .max_age_s = 60, .mode = its_mode, .dnssec = flag, \
		.n_mx = 1, .mx = its_mx                                        \
	}

static const struct fact_policy stored_policies[] = {
    POLICY("1", true, POLICY_MODE_ENFORCE, all_hosts),
    POLICY("1", true, POLICY_MODE_ENFORCE, one_host),
    POLICY("1", false, POLICY_MODE_TESTING, all_hosts),
};

/* How far discovery has come; `after` is the stage before, -1 for none. */
struct stage {
	int after;
	enum txt_state txt;
	bool late;
	const char *id;
	struct fact_fetch fetch;
};

#define FETCHED(flag, its_mode, its_mx)                                        \
	{                                                                      \
		.after = 1, .txt = TXT_VALID, .id = "2",                       \
		.fetch.state = FETCH_OK,                                       \
		.fetch.policy = POLICY("2", flag, its_mode, its_mx),           \
	}
/* T-12: fetched although no TXT names it. */
#define FETCHED_AFTER(stage, its_txt, is_late, flag)                           \
	{                                                                      \
		.after = (stage), .txt = (its_txt), .late = (is_late),         \
		.fetch.state = FETCH_OK,                                       \
		.fetch.policy = POLICY("", flag, POLICY_MODE_ENFORCE,          \
		    all_hosts),                                                \
	}

static const struct stage stages[] = {
    {.after = -1, .txt = TXT_UNASKED},
    {.after = 0, .txt = TXT_VALID, .id = "2"},
    {.after = 0, .txt = TXT_VALID, .id = "1"}, /* STAGE_VALID_STORED */
    {.after = 0, .txt = TXT_NONE},
    {.after = 0, .txt = TXT_FAILED}, /* 4 */
    {.after = 0, .txt = TXT_BOGUS},  /* 5 */
    {.after = 1, .txt = TXT_VALID, .id = "2", .fetch.state = FETCH_FAILED},
    FETCHED(true, POLICY_MODE_ENFORCE, all_hosts),
    FETCHED(true, POLICY_MODE_ENFORCE, one_host),
    FETCHED(true, POLICY_MODE_NONE, one_host),
    FETCHED(false, POLICY_MODE_ENFORCE, all_hosts),
    {.after = 4, .txt = TXT_FAILED, .fetch.state = FETCH_FAILED},
    FETCHED_AFTER(4, TXT_FAILED, false, true),
    FETCHED_AFTER(4, TXT_FAILED, false, false),
    {.after = 5, .txt = TXT_BOGUS, .fetch.state = FETCH_FAILED},
    FETCHED_AFTER(5, TXT_BOGUS, false, true),
    {.after = 0, .txt = TXT_FAILED, .late = true}, /* 16 */
    {.after = 16, .txt = TXT_FAILED, .late = true, .fetch.state = FETCH_FAILED},
    {.after = 16, .txt = TXT_NONE},
    {.after = 17, .txt = TXT_NONE, .fetch.state = FETCH_FAILED},
    {.after = 17, .txt = TXT_BOGUS, .fetch.state = FETCH_FAILED},
    {.after = 17, .txt = TXT_VALID, .id = "2"},
    FETCHED_AFTER(16, TXT_FAILED, true, true),
    FETCHED_AFTER(16, TXT_FAILED, true, false),
};
#define STAGE_VALID_STORED 2 /* the TXT names what is stored */

/* clang-format on */

struct state {
	struct rules rules;
	bool truncated;
	bool deadline;
	bool internal_error;
	bool resolver_broken;
	bool pinned;
	size_t stored; /* N(stored_policies): none */
	size_t stage;
	size_t mx;
	size_t n_hosts; /* 0 while the MX is not worked up yet */
	size_t records[HOSTS][3];
	unsigned unusable; /* bits: the MX record names no host (D-18) */
};

struct built {
	struct facts facts;
	struct fact_host hosts[HOSTS];
};

static void
build(const struct state *s, struct built *out)
{
	static const char *const names[HOSTS] = {"mx1.example.org",
	    "mx2.example.org"};

	memset(out, 0, sizeof(*out));
	out->facts.recipient.class = ADDRESS_DOMAIN;
	out->facts.recipient.domain = "example.org";
	out->facts.hosts_truncated = s->truncated;
	out->facts.deadline = s->deadline;
	out->facts.internal_error = s->internal_error;
	out->facts.resolver_broken = s->resolver_broken;
	out->facts.pinned = s->pinned;
	if (s->stored < N(stored_policies))
		out->facts.stored = &stored_policies[s->stored];
	out->facts.txt_state = stages[s->stage].txt;
	out->facts.txt_late = stages[s->stage].late;
	out->facts.txt_id = stages[s->stage].id;
	out->facts.fetch = stages[s->stage].fetch;
	out->facts.mx = mx_records[s->mx];
	out->facts.hosts = out->hosts;
	out->facts.n_hosts = s->n_hosts;
	for (size_t i = 0; i < s->n_hosts; i++) {
		out->hosts[i].name = names[i];
		out->hosts[i].unusable = (s->unusable >> i & 1) != 0;
		out->hosts[i].a = records[s->records[i][0]];
		out->hosts[i].aaaa = records[s->records[i][1]];
		out->hosts[i].tlsa = records[s->records[i][2]];
	}
}

static bool
judge(const struct state *s, enum decide_when when, struct verdict *verdict)
{
	struct built built;

	build(s, &built);
	return decide(&built.facts, &s->rules, when, verdict);
}

/* --- early answers ------------------------------------------------------ */

/* Reports once: a broken rule is broken for very many facts. */
static void
expect(bool ok, const char *what, const struct state *s)
{
	cr_assert(ok,
	    "%s: stored %zu stage %zu mx %zu hosts %zu "
	    "unusable %u records %zu%zu%zu %zu%zu%zu "
	    "rules %d%d%d%d%d%d%d truncated %d deadline %d broken %d "
	    "error %d pinned %d",
	    what, s->stored, s->stage, s->mx, s->n_hosts, s->unusable,
	    s->records[0][0], s->records[0][1], s->records[0][2],
	    s->records[1][0], s->records[1][1], s->records[1][2],
	    (int)s->rules.hosts, (int)s->rules.tlsa, (int)s->rules.mx_patterns,
	    (int)s->rules.on_discovery_failure,
	    (int)s->rules.on_bogus_discovery, (int)s->rules.on_resolver_failure,
	    (int)s->rules.action, (int)s->truncated, (int)s->deadline,
	    (int)s->resolver_broken, (int)s->internal_error, (int)s->pinned);
}

static void
expect_same(const struct state *next, const struct verdict *before)
{
	struct verdict verdict;

	expect(judge(next, DECIDE_PARTIAL, &verdict), "open again", next);
	expect(verdict.kind == before->kind, "another verdict", next);
}

static bool
is_unproven(const struct stage *stage)
{
	return stage->txt == TXT_FAILED || stage->txt == TXT_BOGUS;
}

/* An unproven denial makes no fetch (T-12). */
static bool
is_left_at_that(const struct state *s)
{
	return s->resolver_broken ||
	    (s->stored < N(stored_policies) &&
		fact_policy_is_live(&stored_policies[s->stored]));
}

/* Every single answer that may come next. */
static void
try_next_policy(struct state *s, const struct verdict *verdict)
{
	size_t stage = s->stage;

	for (size_t i = 0; i < N(stages); i++) {
		if (stages[i].after != (int)stage)
			continue;
		if (i == STAGE_VALID_STORED && s->stored == N(stored_policies))
			continue;
		if (is_unproven(&stages[stage]) &&
		    stages[i].fetch.state != FETCH_UNASKED &&
		    is_left_at_that(s))
			continue;
		s->stage = i;
		expect_same(s, verdict);
	}
	s->stage = stage;
}

static void
try_next_mx(struct state *s, const struct verdict *verdict)
{
	if (mx_records[s->mx].status == FACT_UNASKED) {
		size_t mx = s->mx;

		for (s->mx = 1; s->mx < N(mx_records); s->mx++)
			expect_same(s, verdict);
		s->mx = mx;
	} else if (s->mx == MX_RECORDS && s->n_hosts == 0) {
		struct state hosts = *s;

		memset(hosts.records, 0, sizeof(hosts.records));
		for (hosts.n_hosts = 1; hosts.n_hosts <= HOSTS; hosts.n_hosts++)
			expect_same(&hosts, verdict);
	}
}

static void
try_next_record(struct state *s, const struct verdict *verdict)
{
	for (size_t i = 0; i < s->n_hosts * 3; i++) {
		size_t *record = &s->records[i / 3][i % 3];

		if (records[*record].status != FACT_UNASKED)
			continue;
		for (*record = 1; *record < N(records); (*record)++)
			expect_same(s, verdict);
		*record = 0;
	}
}

/* T-12: without a proof that there is no policy, one may still be fetched. */
static bool
may_be_fetched(const struct state *s)
{
	const struct stage *stage = &stages[s->stage];

	if (stage->fetch.state == FETCH_OK)
		return false;
	if (stage->late || stage->txt == TXT_UNASKED)
		return true;
	if (stage->fetch.state == FETCH_FAILED)
		return false;
	if (stage->txt == TXT_VALID)
		return s->stage != STAGE_VALID_STORED;
	return is_unproven(stage) && !is_left_at_that(s);
}

static bool
is_complete(const struct state *s)
{
	if (may_be_fetched(s) || mx_records[s->mx].status == FACT_UNASKED)
		return false;
	if (s->mx == MX_RECORDS && s->n_hosts == 0)
		return false;
	for (size_t i = 0; i < s->n_hosts * 3; i++) {
		if (s->records[i / 3][i % 3] == 0)
			return false;
	}
	return true;
}

/*
 * If one answer more never changes what is settled, no number of them does.
 */
static void
check_early(struct state *s)
{
	struct verdict early;
	struct verdict final;

	expect(judge(s, DECIDE_FINAL, &final), "no final verdict", s);
	if (!judge(s, DECIDE_PARTIAL, &early)) {
		expect(!is_complete(s), "all is known, and yet open", s);
		return;
	}
	expect(early.kind == final.kind, "the final verdict differs", s);
	try_next_policy(s, &early);
	try_next_mx(s, &early);
	try_next_record(s, &early);
}

static void
check_early_records(struct state *s, size_t n_hosts)
{
	size_t n = 1;

	for (size_t i = 0; i < n_hosts * 3; i++)
		n *= RECORDS_FEW;
	s->mx = MX_RECORDS;
	s->n_hosts = n_hosts;
	for (size_t number = 0; number < n; number++) {
		size_t rest = number;

		for (size_t i = 0; i < n_hosts * 3; i++) {
			s->records[i / 3][i % 3] = rest % RECORDS_FEW;
			rest /= RECORDS_FEW;
		}
		check_early(s);
	}
}

static void
check_early_mx(struct state *s)
{
	s->n_hosts = 0;
	for (s->mx = 0; s->mx < N(mx_records); s->mx++)
		check_early(s);
}

static void
each_discovery(struct state *s, void (*check)(struct state *s))
{
	for (s->stored = 0; s->stored <= N(stored_policies); s->stored++) {
		for (s->stage = 0; s->stage < N(stages); s->stage++) {
			if (s->stage != STAGE_VALID_STORED ||
			    s->stored < N(stored_policies))
				check(s);
		}
	}
}

/* Every combination of the rules and flags, by its number. */
#define RULES_ALL (2U * 3 * 2 * 2 * 2 * 2 * 3 * 2 * 2 * 2 * 2 * 2)

static unsigned
digit(unsigned *number, unsigned base)
{
	unsigned value = *number % base;

	*number /= base;
	return value;
}

static void
set_rules(struct state *s, unsigned number)
{
	s->rules.hosts = (enum rule_hosts)digit(&number, 2);
	s->rules.tlsa = (enum rule_tlsa)digit(&number, 3);
	s->rules.mx_patterns = (enum rule_mx_patterns)digit(&number, 2);
	s->rules.action = (enum rule_action)digit(&number, 3);
	s->truncated = digit(&number, 2) == 1;
	s->resolver_broken = digit(&number, 2) == 1;
	s->rules.on_resolver_failure = (enum rule_failure)digit(&number, 2);
	s->rules.on_discovery_failure = (enum rule_failure)digit(&number, 2);
	s->rules.on_bogus_discovery = (enum rule_failure)digit(&number, 2);
	s->pinned = digit(&number, 2) == 1;
	s->deadline = digit(&number, 2) == 1;
	s->internal_error = digit(&number, 2) == 1;
}

static void
check_one_host(struct state *s)
{
	check_early_records(s, 1);
}

Test(decide_all, early_answers_stand_before_the_mx_is_known)
{
	struct state s = {.stage = 0};

	for (unsigned i = 0; i < RULES_ALL; i++) {
		set_rules(&s, i);
		each_discovery(&s, check_early_mx);
	}
}

/* Deadline and internal error come last: they are left out here. A step of 5
 * still meets every value of the others. */
Test(decide_all, early_answers_stand_for_one_host)
{
	struct state s = {.stage = 0};

	for (unsigned i = 0; i < RULES_ALL / 4; i += 5) {
		set_rules(&s, i);
		each_discovery(&s, check_one_host);
	}
}

static unsigned
random_below(uint64_t *seed, unsigned n)
{
	/* xorshift64: the same numbers at every run */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (unsigned)(*seed >> 32) % n;
}

Test(decide_all, early_answers_stand_for_two_hosts)
{
	uint64_t seed = 0x9e3779b97f4a7c15U;
	struct state s = {.mx = MX_RECORDS, .n_hosts = HOSTS};

	for (int i = 0; i < 400000; i++) {
		set_rules(&s, random_below(&seed, RULES_ALL));
		s.stored = random_below(&seed, N(stored_policies) + 1);
		s.stage = random_below(&seed, N(stages));
		s.unusable = random_below(&seed, 1U << HOSTS);
		if (s.stage == STAGE_VALID_STORED &&
		    s.stored == N(stored_policies))
			continue;
		for (size_t j = 0; j < HOSTS * 3; j++)
			s.records[j / 3][j % 3] =
			    random_below(&seed, N(records));
		check_early(&s);
	}
}

/* --- a slow judge ------------------------------------------------------- */

static bool
is_validated(const struct fact_rrset *rrset)
{
	return rrset->status == FACT_SECURE && rrset->answer != ANSWER_EMPTY;
}

static bool
holds_records(const struct fact_rrset *rrset)
{
	return is_validated(rrset) && rrset->answer == ANSWER_RECORDS;
}

static bool
is_no_destination(const struct fact_host *host)
{
	if (host->unusable)
		return true;
	return is_validated(&host->a) && is_validated(&host->aaaa) &&
	    !holds_records(&host->a) && !holds_records(&host->aaaa);
}

static bool
is_good_destination(const struct fact_host *host, const struct rules *rules)
{
	if (host->unusable || !is_validated(&host->a) ||
	    !is_validated(&host->aaaa))
		return false;
	if (!holds_records(&host->a) && !holds_records(&host->aaaa))
		return false;
	if (rules->tlsa == RULE_TLSA_CHECKED && !is_validated(&host->tlsa))
		return false;
	if (rules->tlsa == RULE_TLSA_REQUIRED && !holds_records(&host->tlsa))
		return false;
	/* The policy names mx1 alone. */
	return rules->mx_patterns == RULE_MX_PATTERNS_IGNORE ||
	    strcmp(host->name, one_host[0]) == 0;
}

static bool
slow_judge(const struct facts *facts, const struct rules *rules)
{
	size_t good = 0;
	size_t none = 0;

	for (size_t i = 0; i < facts->n_hosts; i++) {
		good += is_good_destination(&facts->hosts[i], rules);
		none += is_no_destination(&facts->hosts[i]);
	}
	if (rules->hosts == RULE_HOSTS_ANY && good > 0)
		return true;
	return good + none == facts->n_hosts && !facts->hosts_truncated;
}

static void
check_slowly(struct state *s)
{
	struct built built;
	struct verdict verdict;
	bool passes;

	build(s, &built);
	cr_assert(decide(&built.facts, &s->rules, DECIDE_FINAL, &verdict));
	passes = slow_judge(&built.facts, &s->rules);
	expect((verdict.kind == VERDICT_PASS) == passes, "the judges differ",
	    s);
	expect(passes || verdict.decided_by.kind != EVIDENCE_NONE,
	    "refused without evidence", s);
	expect(verdict.hosts_good <= verdict.hosts_total &&
		verdict.hosts_total <= HOSTS,
	    "miscounted", s);
}

Test(decide_all,
    D_13_a_bound_domain_passes_only_if_all_that_is_needed_is_secure)
{
	struct state s = {
	    .stage = STAGE_VALID_STORED,
	    .stored = 1,
	    .mx = MX_RECORDS,
	    .n_hosts = HOSTS,
	};
	size_t n = 1;

	for (size_t i = 0; i < HOSTS * 3; i++)
		n *= i < 3 ? N(records) : RECORDS_FEW;
	for (unsigned rules = 0; rules < 2 * 3 * 2 * 3 * 2; rules++) {
		set_rules(&s, rules);
		if (s.rules.action == RULE_ACTION_QUARANTINE)
			continue;
		for (size_t number = 0; number < n; number++) {
			size_t rest = number;

			for (size_t i = 0; i < HOSTS * 3; i++) {
				size_t base = i < 3 ? N(records) : RECORDS_FEW;

				s.records[i / 3][i % 3] = rest % base;
				rest /= base;
			}
			s.unusable = (unsigned)number / 7 % (1U << HOSTS);
			check_slowly(&s);
		}
	}
}

/* --- pins ---------------------------------------------------------------- */

/* A policy with the flag, of which the TXT says that it is the newest, and
 * whose patterns do not count. */
static const struct fact_policy testing_policy =
    POLICY("1", true, POLICY_MODE_TESTING, one_host);

static bool
is_patternless(const struct state *s)
{
	return s->rules.mx_patterns == RULE_MX_PATTERNS_IGNORE ||
	    (s->stored == N(stored_policies) &&
		stages[s->stage].fetch.state != FETCH_OK);
}

/* What a pin makes of a domain without a binding policy is what a policy with
 * the flag makes of it; a rejection may be deferred instead. */
static void
check_pin(struct state *s)
{
	struct built pinned, bound;
	struct verdict by_pin, by_policy;

	if (s->internal_error || !is_patternless(s))
		return;
	s->pinned = true;
	build(s, &pinned);
	bound = pinned;
	bound.facts.hosts = bound.hosts;
	bound.facts.pinned = false;
	bound.facts.stored = &testing_policy;
	bound.facts.txt_state = TXT_VALID;
	bound.facts.txt_id = "1";
	bound.facts.fetch.state = FETCH_UNASKED;
	cr_assert(decide(&pinned.facts, &s->rules, DECIDE_FINAL, &by_pin));
	cr_assert(decide(&bound.facts, &s->rules, DECIDE_FINAL, &by_policy));
	expect(by_pin.pinned, "the pin is not told", s);
	expect(by_pin.reason == by_policy.reason, "another reason", s);
	expect(by_pin.kind == by_policy.kind ||
		(by_policy.kind == VERDICT_REJECT &&
		    by_pin.kind == VERDICT_DEFER),
	    "a pin is not a policy with the flag", s);
}

Test(decide_all, T_14_a_pin_demands_what_a_policy_demands)
{
	uint64_t seed = 0x9e3779b97f4a7c15U;
	struct state s = {.n_hosts = HOSTS};

	for (int i = 0; i < 400000; i++) {
		set_rules(&s, random_below(&seed, RULES_ALL));
		s.stored = random_below(&seed, N(stored_policies) + 1);
		s.stage = random_below(&seed, N(stages));
		s.mx = random_below(&seed, N(mx_records));
		for (size_t j = 0; j < HOSTS * 3; j++)
			s.records[j / 3][j % 3] =
			    random_below(&seed, N(records));
		check_pin(&s);
	}
}

/* D-20, D-08: what is not known of a pinned domain never lets it pass, but for
 * on_resolver_failure. */
Test(decide_all, T_14_D_20_a_pinned_domain_passes_only_when_it_is_secure)
{
	uint64_t seed = 0x2545f4914f6cdd1dU;
	struct state s = {.mx = MX_RECORDS, .n_hosts = HOSTS};

	for (int i = 0; i < 400000; i++) {
		struct verdict verdict;
		struct built built;

		set_rules(&s, random_below(&seed, RULES_ALL));
		s.pinned = true;
		s.rules.on_resolver_failure = RULE_TEMPFAIL;
		s.stored = random_below(&seed, N(stored_policies) + 1);
		s.stage = random_below(&seed, N(stages));
		for (size_t j = 0; j < HOSTS * 3; j++)
			s.records[j / 3][j % 3] =
			    random_below(&seed, N(records));
		build(&s, &built);
		if (!decide(&built.facts, &s.rules, DECIDE_PARTIAL, &verdict) ||
		    verdict.kind != VERDICT_PASS)
			continue;
		s.rules.mx_patterns = RULE_MX_PATTERNS_IGNORE;
		expect(!s.internal_error && slow_judge(&built.facts, &s.rules),
		    "passes without being secure", &s);
	}
}
