/* What dane-sts asks the daemon over its control socket, and what the daemon
 * does by itself about what is stored. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lab_client.h"

/* Whatever the test before left behind. */
static void
restore_policy(void)
{
	LAB("policy", "unsigned.test", "ok");
}

TestSuite(control, .timeout = 240, .init = restore_policy);

static char directory[] = "/tmp/dane-sts-control.XXXXXX";
static char saved[sizeof(directory) + 16];

static void
in_directory(void)
{
	restore_policy();
	cr_assert_not_null(mkdtemp(directory));
	snprintf(saved, sizeof(saved), "%s/saved", directory);
}

static void
out_of_directory(void)
{
	unlink(saved);
	rmdir(directory);
}

TestSuite(control_saved, .timeout = 240, .init = in_directory,
    .fini = out_of_directory);

static void
expect_start(const char *recipient, const char *start)
{
	char reply[LAB_LINE_SIZE];
	char *transcript = LAB_ASK(recipient);

	lab_reply(transcript, recipient, reply);
	cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s: \"%s\"",
	    recipient, reply);
	free(transcript);
}

/* What `dane-sts words` prints; it must exit with status. */
static char *
tool(int status, const char *const *words)
{
	const char *all[16] = {"tool", "--"};
	struct lab_output out;
	size_t n = 2;

	while (*words != NULL && n < 15)
		all[n++] = *words++;
	cr_assert_eq(lab_run(all, &out), 0, "cannot run " LAB_PROGRAM);
	cr_expect_eq(out.status, status, "%s %s: exit status %d\n%s", all[2],
	    all[3] != NULL ? all[3] : "", out.status, out.text);
	return out.text;
}

/* The TXT record and the policy host of unsigned.test. */
static void
cut_off_discovery(void)
{
	LAB("tamper", "rule", "fwd", "_mta-sts.unsigned.test", "TXT",
	    "servfail");
	LAB("tamper", "rule", "fwd", "mta-sts.unsigned.test", "*", "servfail");
}

#define TOOL(status, ...) tool(status, (const char *const[]){__VA_ARGS__, NULL})

static void
expect_part(char *text, const char *part)
{
	cr_expect_not_null(strstr(text, part), "no \"%s\" in:\n%s", part, text);
	free(text);
}

static void
save(const char *text)
{
	FILE *file = fopen(saved, "we");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
}

/* --- status, reload ------------------------------------------------------- */

Test(control, status_counts_recipients_and_policies)
{
	char *text;

	LAB_FRESH("exempt_domains={plain.test}");
	expect_start("u@secure.test", "250 ");
	expect_start("u@unsigned.test", "450 ");
	expect_start("u@plain.test", "250 ");
	LAB("stored", "unsigned.test");
	LAB("stored", "secure.test");
	text = TOOL(0, "status");
	cr_expect_not_null(strstr(text, "resolver     ok since "), "%s", text);
	cr_expect_not_null(strstr(text,
			       "2 stored, 2 require DNSSEC, 0 could not"),
	    "%s", text);
	cr_expect_not_null(
	    strstr(text, "recipients   3, 1 deferred or rejected, 0 held"),
	    "%s", text);
	cr_expect_not_null(strstr(text, "\n  plain.test\n"), "%s", text);
	free(text);
	expect_part(TOOL(0, "--json", "status"),
	    "\"reasons\":{\"exempt\":1,\"secure\":1,\"mx-insecure\":1}");
}

Test(control, T_14_status_and_check_show_pins)
{
	char *text;

	LAB_FRESH("require_domains={plain.test}");
	expect_start("pinned@plain.test", "450 ");
	text = TOOL(0, "status");
	cr_expect_not_null(strstr(text, "\npins         1\n  plain.test\n"),
	    "%s", text);
	free(text);
	text = TOOL(1, "check", "plain.test");
	cr_expect_not_null(strstr(text,
			       "pinned: the configuration requires DNSSEC"),
	    "%s", text);
	free(text);
	text = TOOL(1, "--json", "check", "plain.test");
	cr_expect_not_null(strstr(text, "\"pinned\":true"), "%s", text);
	cr_expect_not_null(strstr(text, "\"policy\":\"pinned\""), "%s", text);
	free(text);
}

/* What the resolver's probe has found is said by the exit status as well. */
Test(control, status_shows_a_resolver_that_strips_the_root)
{
	LAB_FRESH(NULL);
	free(LAB_LOG("resolver", "state=ok"));
	LAB("tamper", "rule", "fwd", ".", "DNSKEY", "strip");
	/* The probe begins anew with a reload. */
	free(TOOL(0, "reload"));
	free(LAB_LOG("error resolver", "state=broken"));
	expect_part(TOOL(1, "status"), "resolver     broken since ");
	expect_part(TOOL(1, "status"), "dane-sts doctor examines them.");
	LAB("tamper", "clear");
	LAB("log", "--count", "2", "--", "info resolver", "state=ok");
	expect_part(TOOL(0, "status"), "resolver     ok since ");
}

Test(control, reload_over_the_socket_tells_what_is_wrong)
{
	LAB_FRESH(NULL);
	LAB("daemon", "configure", "mode=monitor");
	free(TOOL(0, "reload"));
	expect_part(TOOL(0, "status"), "mode         monitor");
	expect_start("monitored@unsigned.test", "250 ");
	free(LAB_LOG("control", "command=reload"));
	LAB("daemon", "configure", "loops=3");
	expect_part(TOOL(0, "reload"), "only a restart changes: loops\n");
}

Test(control, without_a_daemon_the_tool_says_what_to_do)
{
	LAB_FRESH(NULL);
	LAB("daemon", "stop");
	free(TOOL(69, "status"));
	free(TOOL(69, "reload"));
	free(TOOL(69, "cache", "purge", "secure.test"));
	LAB("daemon", "start");
}

/* --- the stored policies ----------------------------------------------------
 */

Test(control, list_and_show_with_and_without_a_daemon)
{
	LAB_FRESH(NULL);
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	for (int running = 1; running >= 0; running--) {
		if (!running)
			LAB("daemon", "stop");
		expect_part(TOOL(0, "cache", "list"), "unsigned.test");
		expect_part(TOOL(0, "cache", "show", "UNSIGNED.test"),
		    "\n    dnssec: yes\n");
		expect_part(TOOL(0, "--json", "cache", "show", "unsigned.test"),
		    "\"dnssec\":true");
		free(TOOL(1, "cache", "show", "secure.test"));
	}
	LAB("daemon", "start");
}

/* C-01: what was exported protects another host, at first contact. */
Test(control_saved, C_01_import_protects_where_discovery_is_cut_off)
{
	char *text;

	LAB_FRESH(NULL);
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	text = TOOL(0, "cache", "export");
	save(text);
	free(text);
	LAB_FRESH(NULL);
	cut_off_discovery();
	/* At first contact an attacker wins who blocks the policy host (D-21),
	 */
	expect_start("first@unsigned.test", "250 ");
	expect_part(TOOL(0, "cache", "import", saved), "1 imported, 0 kept");
	/* but not over what is known; the verdict before is forgotten. */
	expect_start("second@unsigned.test", "450 4.7.5 ");
	expect_part(TOOL(0, "cache", "import", saved), "0 imported, 1 kept");
	LAB("tamper", "clear");
}

Test(control_saved, from_one_store_to_another)
{
	char *text;
	char spec[sizeof(directory) + 32];

	snprintf(spec, sizeof(spec), "lmdb:%s/store", directory);
	LAB_FRESH(NULL);
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	text = TOOL(0, "cache", "export");
	save(text);
	expect_part(TOOL(0, "cache", "--store", spec, "import", saved),
	    "1 imported");
	/* to the octet */
	expect_part(TOOL(0, "cache", "--store", spec, "export"), text);
	free(TOOL(0, "cache", "--store", spec, "purge", "unsigned.test"));
	expect_part(TOOL(0, "cache", "--store", spec, "export"), "");
	free(TOOL(1, "cache", "--store", spec, "show", "unsigned.test"));
	free(text);
	snprintf(spec, sizeof(spec), "%s/store/data.mdb", directory);
	unlink(spec);
	snprintf(spec, sizeof(spec), "%s/store/lock.mdb", directory);
	unlink(spec);
	snprintf(spec, sizeof(spec), "%s/store/policies.jsonl", directory);
	unlink(spec);
	snprintf(spec, sizeof(spec), "%s/store", directory);
	rmdir(spec);
}

Test(control_saved, import_reports_bad_lines_and_goes_on)
{
	char *text;

	LAB_FRESH(NULL);
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	text = TOOL(0, "cache", "export");
	save("rubbish\n");
	expect_part(TOOL(1, "cache", "import", saved),
	    "0 imported, 0 kept as they were (fetched later), 1 refused");
	free(text);
}

/* D-21: the policy is gone as though it had never been fetched. */
Test(control, D_21_purge_brings_back_first_contact)
{
	LAB_FRESH(NULL);
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	cut_off_discovery();
	/* The resolver inside forgets what it knows as well. */
	free(TOOL(0, "reload"));
	free(TOOL(0, "cache", "purge", "unsigned.test"));
	free(TOOL(1, "cache", "purge", "unsigned.test"));
	expect_start("purged@unsigned.test", "250 ");
	free(LAB_LOG("control", "command=purge", "domain=unsigned.test"));
	LAB("tamper", "clear");
}

Test(control_saved, C_11_warm_fetches_policies_without_mail)
{
	LAB_FRESH(NULL);
	save("secure.test\n# a comment\nunsigned.test\nplain.test\n");
	expect_part(TOOL(0, "cache", "warm", saved),
	    "3 domains: 2 with a policy (2 require DNSSEC), 1 without, 0 not "
	    "found out");
	save("notfound.test\n..\n");
	expect_part(TOOL(1, "cache", "warm", saved),
	    "2 domains: 0 with a policy (0 require DNSSEC), 0 without, 2 not "
	    "found out");
	/* Mail finds what was stored. */
	cut_off_discovery();
	expect_start("warmed@unsigned.test", "450 4.7.5 ");
	LAB("tamper", "clear");
}

/* Of unsigned.test, without the field. */
#define WITHDRAWN                                                             \
	"{\"body\": \"version: STSv1\\nmode: enforce\\nmx: mx1.unsigned.test" \
	"\\nmax_age: 86400\\n\"}"

/* --- what is done without mail ----------------------------------------------
 */

/* C-07 as well: what has come counts at once. */
Test(control, C_11_a_policy_is_refreshed_without_mail)
{
	LAB_FRESH("refresh_interval=2s", "fetch_backoff=1s");
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	LAB("policy", "unsigned.test", WITHDRAWN);
	free(LAB_LOG("withdrawal", "domain=unsigned.test"));
	expect_part(TOOL(0, "--json", "cache", "list"), "\"dnssec\":false");
	expect_start("withdrawn@unsigned.test", "250 ");
}

Test(control, C_12_L_04_a_failing_refresh_is_warned_about)
{
	char *line;
	char left[LAB_LINE_SIZE];

	LAB_FRESH("refresh_interval=2s", "fetch_backoff=1s");
	expect_start("u@unsigned.test", "450 ");
	LAB("stored", "unsigned.test");
	LAB("policy", "unsigned.test", "404");
	line = LAB_LOG("warning refresh", "domain=unsigned.test");
	lab_field(line, "left_s", left);
	cr_expect_gt(atoi(left), 86000, "%s", line);
	free(line);
	expect_part(TOOL(0, "cache", "list"), "failed: ");
	expect_part(TOOL(0, "status"), "1 could not be refreshed");
	/* C-05: it binds all the same. */
	expect_start("still@unsigned.test", "450 4.7.5 ");
	LAB("policy", "unsigned.test", "ok");
}

/* Both ways: an attack, or a change of mind, and its end. */
Test(control, an_alert_when_a_secure_domain_is_no_longer)
{
	char *line;

	LAB_FRESH(NULL);
	expect_start("a1@secure.test", "250 ");
	LAB("tamper", "rule", "fwd", "secure.test", "MX", "strip");
	/* Verdicts and answers from before count no more. */
	free(TOOL(0, "reload"));
	expect_start("a2@secure.test", "450 4.7.5 ");
	line = LAB_LOG("warning alert", "domain=secure.test", "was=secure",
	    "is=insecure");
	cr_expect_not_null(strstr(line, "decided_by="), "%s", line);
	free(line);
	LAB("tamper", "clear");
	free(TOOL(0, "reload"));
	expect_start("a3@secure.test", "250 ");
	free(LAB_LOG("warning alert", "domain=secure.test", "was=insecure",
	    "is=secure"));
}
