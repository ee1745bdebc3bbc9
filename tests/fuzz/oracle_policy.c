#include "autoconf.h"

#include "oracle_policy.h"

#include <string.h>

#include "abnf.h"
#include "base/err.h"
#include "fuzz.h"

/*
 * RFC 8461 3.2, one line of a body at a time: no production but the terminator
 * has a line feed in it. Errata: "sta-policy-alphanum" is sts-policy-alphanum.
 */
static const char grammar[] =
    "WSP = %x20 / %x09\n"
    "DIGIT = %x30-39\n"
    "ALNUM = %x41-5A / %x61-7A / DIGIT\n"
    "delim = %s\":\" *WSP\n"
    /* RFC 3629 4 */
    "tail = %x80-BF\n"
    "utf8-2 = %xC2-DF tail\n"
    "utf8-3 = %xE0 %xA0-BF tail / %xE1-EC tail tail / %xED %x80-9F tail / "
    "%xEE-EF tail tail\n"
    "utf8-4 = %xF0 %x90-BF tail tail / %xF1-F3 tail tail tail / "
    "%xF4 %x80-8F tail tail\n"
    /* RFC 5321 4.1.2, A-labels only */
    "ldh-str = *(ALNUM / %s\"-\") ALNUM\n"
    "sub-domain = ALNUM [ldh-str]\n"
    "domain = sub-domain *(%s\".\" sub-domain)\n"
    "vchar = %x21-7E / utf8-2 / utf8-3 / utf8-4\n"
    "name = ALNUM *31(ALNUM / %s\"_\" / %s\"-\" / %s\".\")\n"
    "value = vchar [*(%x20 / vchar) vchar]\n"
    "blank = *WSP\n"
    "extension = name delim value *WSP\n"
    "version = %s\"version\" delim %s\"STSv1\" *WSP\n"
    "mode = %s\"mode\" delim (%s\"enforce\" / %s\"testing\" / %s\"none\") "
    "*WSP\n"
    "max-age = %s\"max_age\" delim 1*10DIGIT *WSP\n"
    "mx = %s\"mx\" delim [%s\"*.\"] domain *WSP\n"
    "yes = %s\"dnssec\" delim %s\"yes\" *WSP\n";

/* Fields of which the first one counts (P-09, P-17). */
enum {
	SEEN_VERSION,
	SEEN_MODE,
	SEEN_MAX_AGE,
	SEEN_DNSSEC,
	SEEN_COUNT
};

struct judge {
	const struct abnf *g;
	bool seen[SEEN_COUNT];
	struct oracle_policy *out;
};

struct octets {
	const uint8_t *at;
	size_t len;
};

static bool
matches(const struct judge *j, const char *rule, struct octets line)
{
	return abnf_matches(j->g, rule, line.at, line.len);
}

static bool
equal(struct octets octets, const char *text)
{
	return octets.len == strlen(text) &&
	    memcmp(octets.at, text, octets.len) == 0;
}

/* Of a line that is a field. */
static struct octets
name_of(struct octets line)
{
	size_t len = 0;

	while (line.at[len] != ':')
		len++;
	return (struct octets){line.at, len};
}

static bool
is_wsp(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

static struct octets
value_of(struct octets line)
{
	size_t from = name_of(line).len + 1;
	size_t to = line.len;

	while (is_wsp(line.at[from]))
		from++;
	while (is_wsp(line.at[to - 1]))
		to--;
	return (struct octets){line.at + from, to - from};
}

static bool
take_version(struct judge *j, struct octets line)
{
	return matches(j, "version", line);
}

static bool
take_mode(struct judge *j, struct octets line)
{
	struct octets value = value_of(line);

	if (equal(value, "enforce"))
		j->out->mode = POLICY_MODE_ENFORCE;
	if (equal(value, "testing"))
		j->out->mode = POLICY_MODE_TESTING;
	return matches(j, "mode", line);
}

static bool
take_max_age(struct judge *j, struct octets line)
{
	struct octets value = value_of(line);
	uint64_t seconds = 0;

	if (!matches(j, "max-age", line))
		return false;
	for (size_t i = 0; i < value.len; i++)
		seconds = 10 * seconds + (uint64_t)(value.at[i] - '0');
	/* K4 */
	j->out->max_age_s = seconds < 31557600 ? (uint32_t)seconds : 31557600;
	return true;
}

/* K6: any other value is no error. */
static bool
take_dnssec(struct judge *j, struct octets line)
{
	j->out->dnssec = matches(j, "yes", line);
	return true;
}

/* RFC 1035 2.3.4; the name without "*." */
static bool
is_short_enough(const char *name)
{
	const char *dot;

	if (strlen(name) > 253)
		return false;
	for (; (dot = strchr(name, '.')) != NULL; name = dot + 1)
		if (dot - name > 63)
			return false;
	return strlen(name) <= 63;
}

/* K5: a field of this name is never an extension. */
static bool
take_mx(struct judge *j, struct octets line)
{
	struct octets value = value_of(line);
	char *mx;

	if (!matches(j, "mx", line))
		return false;
	mx = strndup((const char *)value.at, value.len);
	MUST(mx != NULL);
	for (char *c = mx; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a'); /* P-12 */
	j->out->mx =
	    realloc(j->out->mx, (j->out->n_mx + 1) * sizeof(*j->out->mx));
	MUST(j->out->mx != NULL);
	j->out->mx[j->out->n_mx++] = mx;
	return is_short_enough(*mx == '*' ? mx + 2 : mx);
}

static const struct {
	const char *name;
	bool (*take)(struct judge *j, struct octets line);
} singles[SEEN_COUNT] = {
    [SEEN_VERSION] = {"version", take_version},
    [SEEN_MODE] = {"mode",    take_mode   },
    [SEEN_MAX_AGE] = {"max_age", take_max_age},
    [SEEN_DNSSEC] = {"dnssec",  take_dnssec },
};

/* Whether the line may be in a policy. */
static bool
take_line(struct judge *j, struct octets line)
{
	struct octets name;

	if (matches(j, "blank", line))
		return true; /* K3 */
	/* All productions of known fields are extensions too. */
	if (!matches(j, "extension", line))
		return false;
	name = name_of(line);
	if (equal(name, "mx"))
		return take_mx(j, line);
	for (size_t i = 0; i < SEEN_COUNT; i++) {
		if (!equal(name, singles[i].name) || j->seen[i])
			continue;
		j->seen[i] = true;
		return singles[i].take(j, line);
	}
	return true; /* P-08, P-09 */
}

/* P-01: up to the next term, LF or CRLF, or to the end. */
static struct octets
next_line(struct octets *rest)
{
	struct octets line = {rest->at, 0};
	size_t term = 0;

	while (line.len < rest->len && line.at[line.len] != '\n')
		line.len++;
	if (line.len < rest->len) {
		term = 1;
		if (line.len > 0 && line.at[line.len - 1] == '\r') {
			line.len--;
			term = 2;
		}
	}
	rest->at += line.len + term;
	rest->len -= line.len + term;
	return line;
}

void
oracle_policy(const uint8_t *body, size_t len, struct oracle_policy *out)
{
	static struct abnf *abnf;
	struct judge j = {.g = abnf_get(&abnf, grammar), .out = out};
	struct octets rest = {body, len};
	bool good = true;

	memset(out, 0, sizeof(*out));
	out->mode = POLICY_MODE_NONE;
	while (rest.len > 0)
		good &= take_line(&j, next_line(&rest));
	/* P-03 to P-06 */
	out->valid = good && j.seen[SEEN_VERSION] && j.seen[SEEN_MODE] &&
	    j.seen[SEEN_MAX_AGE] &&
	    (out->n_mx > 0 || out->mode == POLICY_MODE_NONE);
}

void
oracle_policy_free(struct oracle_policy *policy)
{
	for (size_t i = 0; i < policy->n_mx; i++)
		free(policy->mx[i]);
	free(policy->mx);
	policy->mx = NULL;
}

static void
compare(const struct oracle_policy *expected, const struct policy *policy)
{
	MUST(policy->mode == expected->mode);
	MUST(policy->max_age_s == expected->max_age_s);
	MUST(policy->dnssec == expected->dnssec);
	MUST(policy->n_mx == expected->n_mx);
	for (size_t i = 0; i < expected->n_mx; i++)
		MUST(strcmp(policy->mx[i], expected->mx[i]) == 0);
}

void
oracle_policy_compare(const uint8_t *body, size_t len)
{
	struct oracle_policy expected;
	struct policy *policy = NULL;
	int err = policy_parse(body, len, NULL, NULL, &policy);

	oracle_policy(body, len, &expected);
	MUST(err == (expected.valid ? 0 : ERR_SYNTAX));
	MUST((policy != NULL) == expected.valid);
	if (policy != NULL)
		compare(&expected, policy);
	policy_free(&policy);
	oracle_policy_free(&expected);
}
