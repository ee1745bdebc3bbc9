/* Scenarios of reports to a TLSRPT collector, which is a real socket. */
#include "autoconf.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/domain_list.h"
#include "world.h"

#define DOMAIN "example.org"
#define RECORD "_smtp._tls.example.org"

static char directory[] = "/tmp/scenario_report.XXXXXX";
static struct sockaddr_un collector = {.sun_family = AF_UNIX};
static int collector_fd;
static char datagram[65536];

static void
collector_open(void)
{
	memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
	CHECK(mkdtemp(directory) != NULL);
	(void)snprintf(collector.sun_path, sizeof(collector.sun_path), "%s/s",
	    directory);
	collector_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(bind(collector_fd, (const struct sockaddr *)&collector,
		  sizeof(collector)) == 0);
	world_config.tlsrpt_socket = collector.sun_path;
}

static void
collector_close(void)
{
	(void)close(collector_fd);
	(void)unlink(collector.sun_path);
	(void)rmdir(directory);
}

/* False: nothing came. */
static bool
received(void)
{
	ssize_t n =
	    recv(collector_fd, datagram, sizeof(datagram) - 1, MSG_DONTWAIT);

	datagram[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool
says(const char *words)
{
	if (strstr(datagram, words) != NULL)
		return true;
	(void)fprintf(stderr, "no %s in %s\n", words, datagram);
	return false;
}

static void
publish_record(void)
{
	script_dns((struct script_dns){.name = RECORD,
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "v=TLSRPTv1; rua=mailto:r@example.org"});
}

static void
bind_insecure(void)
{
	script_txt(DOMAIN, "1");
	script_stored(DOMAIN, "1", BINDING, 100);
	script_dns((struct script_dns){.name = DOMAIN,
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 mx.example.org"});
}

static void
L_02_an_unsigned_domain_that_is_bound_is_told_once(void)
{
	collector_open();
	publish_record();
	bind_insecure();
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(received());
	CHECK(says("\"d\":\"example.org\""));
	CHECK(says("\"pr\":\"v=TLSRPTv1; rua=mailto:r@example.org\""));
	CHECK(says("\"policy-type\":2,"));
	CHECK(says("{\"c\":205,\"f\":\"dnssec-policy\"}],\"t\":1,\"f\":1}"));
	CHECK(asked(DOMAIN).cached);
	CHECK(asked_tls(DOMAIN).cached);
	CHECK(!received());
	fake_run(310000); /* the verdict is looked up anew */
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(received());
	CHECK(!received());
	world_stop();
	collector_close();
}

static void
L_02_a_bogus_record_names_its_host(void)
{
	collector_open();
	publish_record();
	script_txt(DOMAIN, "1");
	script_stored(DOMAIN, "1", BINDING, 100);
	script_delivery(DOMAIN, "mx.example.org", true);
	script_dns((struct script_dns){.name = "_25._tcp.mx.example.org",
	    .type = DNS_TLSA,
	    .status = FACT_BOGUS});
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_TLSA_BOGUS);
	CHECK(received());
	CHECK(says("{\"c\":305,\"n\":\"mx.example.org\","
		   "\"f\":\"tlsa-bogus\"}"));
	world_stop();
	collector_close();
}

static void
L_03_a_policy_that_cannot_be_had(void)
{
	collector_open();
	publish_record();
	script_txt(DOMAIN, "1");
	script_policy_fails(DOMAIN, FETCH_FAILURE_CERTIFICATE, "expired");
	world_start();
	(void)asked(DOMAIN);
	CHECK(received());
	CHECK(says("\"policy-type\":9,"));
	CHECK(says("{\"c\":303,\"f\":\"expired\"}],\"t\":1,\"f\":0}"));
	fake_run(10000);
	(void)asked(DOMAIN); /* too early for another fetch */
	CHECK(!received());
	world_stop();
	collector_close();
}

static void
L_03_a_refresh_that_fails(void)
{
	collector_open();
	publish_record();
	script_txt(DOMAIN, "1");
	script_stored(DOMAIN, "1", BINDING, 100);
	script_policy(DOMAIN, "no policy", 0);
	world_start();
	refresh_domain(DOMAIN);
	CHECK(received());
	CHECK(says("\"policy-type\":2,"));
	CHECK(says("{\"c\":302,"));
	world_stop();
	collector_close();
}

static void
who_did_not_ask_for_it_is_not_told(void)
{
	collector_open();
	bind_insecure();
	script_txt("good.example", "1");
	script_stored("good.example", "1", BINDING, 100);
	script_delivery("good.example", "mx.example.org", true);
	world_start();
	(void)asked(DOMAIN);
	CHECK(!received());
	CHECK(script_dns_count(RECORD, DNS_TXT) == 1);
	(void)asked("good.example");
	CHECK(script_dns_count("_smtp._tls.good.example", DNS_TXT) == 0);
	world_stop();
	collector_close();
}

/* The domain has promised nothing. */
static void
T_14_a_pin_is_not_told(void)
{
	static const struct domain_entry pin = {.domain = DOMAIN};

	collector_open();
	publish_record();
	bind_insecure();
	script_stored(DOMAIN, "1", NOT_BINDING, 100);
	world_config.pins = (struct domain_list){.n = 1, .item = &pin};
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(!received());
	CHECK(script_dns_count(RECORD, DNS_TXT) == 0);
	world_stop();
	collector_close();
}

static void
A_06_nobody_is_told_of_what_is_only_watched(void)
{
	collector_open();
	publish_record();
	bind_insecure();
	world_config.mode = CONFIG_MODE_MONITOR;
	world_start();
	(void)asked(DOMAIN);
	CHECK(!received());
	CHECK(script_dns_count(RECORD, DNS_TXT) == 0);
	world_stop();
	collector_close();
}

static void
A_06_nor_of_what_is_outside_the_share(void)
{
	collector_open();
	publish_record();
	bind_insecure();
	world_config.enforce_percent = share_place(DOMAIN);
	world_start();
	(void)asked(DOMAIN);
	CHECK(script_dns_count(RECORD, DNS_TXT) == 0);
	world_stop();
	collector_close();
}

static void
end_with_a_report_under_way(void)
{
	collector_open();
	script_dns((struct script_dns){.name = RECORD,
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "v=TLSRPTv1; rua=mailto:r@example.org",
	    .delay_ms = SCRIPT_NEVER});
	bind_insecure();
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
	CHECK(!received());
	collector_close();
}

const struct scenario report_scenarios[] = {
  /* clang-format off */
    SCENARIO(L_02_an_unsigned_domain_that_is_bound_is_told_once),
    SCENARIO(L_02_a_bogus_record_names_its_host),
    SCENARIO(L_03_a_policy_that_cannot_be_had),
    SCENARIO(L_03_a_refresh_that_fails),
    SCENARIO(who_did_not_ask_for_it_is_not_told),
    SCENARIO(T_14_a_pin_is_not_told),
    SCENARIO(A_06_nobody_is_told_of_what_is_only_watched),
    SCENARIO(A_06_nor_of_what_is_outside_the_share),
    SCENARIO(end_with_a_report_under_way),
    {NULL, NULL},
  /* clang-format on */
};
