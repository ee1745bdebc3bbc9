/* What dns_check takes and what it refuses, and whether the refusal says why.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "dns/dns.h"
#include "dns/dns_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DNSKEY_1                                                               \
	". 172800 IN DNSKEY 257 3 13 4GbYg/jAjpq17MoyLkuter14zsfk6bb7ruOYRiEV" \
	"/0Z4QNLOqLIuKF583QY0AxHTsn2mTUX3CkDEIs1UYGoJ8w==\n"
#define REVOKED                                                                \
	". 172800 IN DNSKEY 385 3 13 4GbYg/jAjpq17MoyLkuter14zsfk6bb7ruOYRiEV" \
	"/0Z4QNLOqLIuKF583QY0AxHTsn2mTUX3CkDEIs1UYGoJ8w==\n"
#define IN_STATE(n)                                                            \
	". 172800 IN DNSKEY 257 3 13 4GbYg/jAjpq17MoyLkuter14zsfk6bb7ruOYRiEV" \
	"/0Z4QNLOqLIuKF583QY0AxHTsn2mTUX3CkDEIs1UYGoJ8w== "                    \
	";{id = 1 (ksk), size = 256b} ;;state=" n " [  NAME   ] ;;count=0 "    \
	";;lastchange=1500000000 ;;Fri Jul 14 02:40:00 2017\n"
#define DS_1                 \
	". IN DS 20326 8 2 " \
	"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
#define DS_2                 \
	". IN DS 38696 8 2 " \
	"683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n"

static char file_name[] = "/tmp/dane-sts-test.XXXXXX";

/* One scratch file a test process; the path is its name. */
static const char *
file_of(const char *text)
{
	static int fd = -1;
	size_t len = strlen(text);

	if (fd < 0)
		fd = mkstemp(file_name);
	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(pwrite(fd, text, len, 0), (ssize_t)len);
	return file_name;
}

static void
remove_file(void)
{
	(void)unlink(file_name);
}

/* --- trust anchors (D-20) ----------------------------------------------- */

struct file_row {
	const char *what;
	const char *text;
	const char *error; /* part of it; NULL: good */
};

static const struct file_row anchors[] = {
    {"one DNSKEY",           DNSKEY_1,			      NULL           },
    {"one DS",	       DS_1,				  NULL           },
    {"two DS",	       DS_1 DS_2,			     NULL           },
    {"no line end",
     ". DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E88040"
	"9BBC683457104237C7F8EC8D",				 NULL           },
    {"comments",             "; of the root\n\n \t\n" DS_1 ";;x\n", NULL           },
    {"directives",           "$TTL 3600\n" DS_1,                    NULL           },
    {"CRLF",		 "; a\r\n\r\n" DS_1,                    NULL           },
    {"parentheses",
     ". DS 20326 8 2 ( E06D44B80B8F1D39A95C0B0D7C65D084\n"
	"58E880409BBC683457104237C7F8EC8D ) ; x\n",		 NULL           },
    {"a revoked one beside", REVOKED DNSKEY_1,                      NULL           },
 /* The file that unbound-anchor and unbound keep up (RFC 5011). */
    {"ADDPEND beside VALID", IN_STATE("2") IN_STATE("1"),           NULL           },
    {"ADDPEND first",        IN_STATE("1") IN_STATE("3"),           NULL           },
    {"START alone",          IN_STATE("0"),                         "no trust"     },
    {"ADDPEND alone",        IN_STATE("1"),                         "no trust"     },
    {"VALID alone",          IN_STATE("2"),                         NULL           },
    {"MISSING alone",        IN_STATE("3"),                         NULL           },
    {"REVOKED alone",        IN_STATE("4"),                         "no trust"     },
    {"REMOVED alone",        IN_STATE("5"),                         "no trust"     },
    {"empty",		"",				    "no trust"     },
    {"comments alone",       "; nothing\n",                         "no trust"     },
    {"revoked alone",        REVOKED,			       "no trust"     },
    {"mixed kinds",          DNSKEY_1 DS_1,                         ":2: DNSKEY"   },
    {"half a set",           DS_1 "rubbish\n",                      ":2: not a rec"},
    {"half, lines counted",  "\n;\n" DS_1 "( \n x )\n",             ":5: not a rec"},
    {"not of the root",      "test." DS_1,                          ":1: not a rec"},
    {"another type",         ". NS a.test.\n",                      "neither"      },
    {"open",		 DS_1 ". DS ( 1\n",                     "parenthesis"  },
    {"closed twice",         ". DS 1 )\n",                          ":1: not a rec"},
    {"not a zone key",       ". DNSKEY 1 3 13 AAAA\n",              "zone key"     },
};

static int
check_anchor(const char *path, char error[DNS_ERROR_SIZE])
{
	struct dns_config config = {.trust_anchor = path, .timeout_ms = 1000};

	return dns_check(&config, error);
}

Test(dns_config, trust_anchor, .fini = remove_file)
{
	char error[DNS_ERROR_SIZE];
	size_t i;

	for (i = 0; i < COUNT(anchors); i++) {
		const struct file_row *row = &anchors[i];
		int err = check_anchor(file_of(row->text), error);

		if (row->error == NULL) {
			cr_expect_eq(err, 0, "%s: %s", row->what, error);
			continue;
		}
		cr_expect_eq(err, ERR_CONFIG, "D-20 %s", row->what);
		cr_expect_not_null(strstr(error, row->error), "%s: %s",
		    row->what, error);
		cr_expect_not_null(strstr(error, file_name), "%s: %s",
		    row->what, error);
	}
}

/* --- keys of the root that are no anchors --------------------------------- */

#define KEY_OF(flags, key) ". DNSKEY " flags " 3 13 " key "\n"
#define KEY_1                                                                  \
	"4GbYg/jAjpq17MoyLkuter14zsfk6bb7ruOYRiEV/0Z4QNLOqLIuKF583QY0AxHTsn2m" \
	"TUX3CkDEIs1UYGoJ8w=="
#define KEY_2                                                                  \
	"5GbYg/jAjpq17MoyLkuter14zsfk6bb7ruOYRiEV/0Z4QNLOqLIuKF583QY0AxHTsn2m" \
	"TUX3CkDEIs1UYGoJ8w=="

#define TAG_1               30721
#define TAG_2               31745
#define DS_OF(type, digest) ". DS 30721 13 " type " " digest "\n"
#define SHA1_1              "125D4730583C806AEA7EAD2C1D075E8930EF6ACD"
#define SHA256_1 \
	"42A51109916100A01DE13CA29F3AEE38E8B16488F2D002F9FF849F5A5B52B517"
#define SHA256_2 \
	"D603A4743037AF52687574BB55FFCBDBFBFBA2BAB36A1F9B9A79DF5B21D92DC4"
#define SHA384_1                                                       \
	"D1D3F42A58A1A26163E3CC6E6941503CEB7D1FD6EDEEB6010F519FD9D97B" \
	"5AE7D3F02F85E3499908BE8F2F15869B3618"
#define DS_8      ". DS 30721 8 2 " SHA256_1 "\n"
#define PENDING_2 ". DNSKEY 257 3 13 " KEY_2 " ;;state=1 [ ADDPEND ]\n"

/* clang-format off */
static const struct missing_row {
	const char *what;
	const char *anchors;
	const char *key;
	int tag;
} missing_rows[] = {
    {"is an anchor", DNSKEY_1, KEY_OF("257", KEY_1), -1},
    {"is none", DNSKEY_1, KEY_OF("257", KEY_2), TAG_2},
    {"no SEP", DNSKEY_1, KEY_OF("256", KEY_2), -1},
    {"revoked", DNSKEY_1, KEY_OF("385", KEY_2), -1},
    {"no zone key", DNSKEY_1, KEY_OF("1", KEY_2), -1},
    {"ADDPEND", DNSKEY_1 PENDING_2, KEY_OF("257", KEY_2), TAG_2},
    {"the second anchor", DNSKEY_1 KEY_OF("257", KEY_2), KEY_OF("257", KEY_2), -1},
    {"SHA-1", DS_OF("1", SHA1_1), KEY_OF("257", KEY_1), -1},
    {"SHA-256", DS_OF("2", SHA256_1), KEY_OF("257", KEY_1), -1},
    {"SHA-384", DS_OF("4", SHA384_1), KEY_OF("257", KEY_1), -1},
    {"another digest", DS_OF("2", SHA256_2), KEY_OF("257", KEY_1), TAG_1},
    {"unknown digest", DS_OF("200", "00"), KEY_OF("257", KEY_1), -1},
    {"short digest", DS_OF("2", "42"), KEY_OF("257", KEY_1), TAG_1},
    {"another tag", DS_1, KEY_OF("257", KEY_1), TAG_1},
    {"another algorithm", DS_8, KEY_OF("257", KEY_1), TAG_1},
};
/* clang-format on */

Test(dns_config, a_key_of_the_root_without_anchor, .fini = remove_file)
{
	char error[DNS_ERROR_SIZE];

	for (size_t i = 0; i < COUNT(missing_rows); i++) {
		const struct missing_row *row = &missing_rows[i];
		struct dns_record record = {0};
		const struct dns_answer keys = {.n = 1, .records = &record};
		getdns_list *list;
		getdns_dict *key;
		getdns_bindata *rdata;

		cr_assert_eq(dns_anchor_read(file_of(row->anchors), &list,
				 error),
		    0, "%s: %s", row->what, error);
		cr_assert_eq(getdns_str2rr_dict(row->key, &key, NULL, 0),
		    GETDNS_RETURN_GOOD);
		cr_assert_eq(getdns_dict_get_bindata(key, "/rdata/rdata_raw",
				 &rdata),
		    GETDNS_RETURN_GOOD);
		record.data = rdata->data;
		record.len = rdata->size;
		cr_expect_eq(dns_anchor_missing(list, &keys), row->tag,
		    "%s: %d", row->what, dns_anchor_missing(list, &keys));
		getdns_dict_destroy(key);
		getdns_list_destroy(list);
	}
}

Test(dns_config, trust_anchor_that_cannot_be_read)
{
	char error[DNS_ERROR_SIZE];

	cr_expect_eq(check_anchor(NULL, error), ERR_CONFIG);
	cr_expect_eq(check_anchor("", error), ERR_CONFIG);
	cr_expect_eq(check_anchor("/", error), ERR_CONFIG);
	cr_expect_not_null(strstr(error, "not a file"), "%s", error);
	cr_expect_eq(check_anchor("/nonexistent/root.key", error), ERR_CONFIG);
	cr_expect_not_null(strstr(error, "No such file"), "%s", error);
}

/* --- resolvers ---------------------------------------------------------- */

struct form {
	const char *text;
	int err;
	enum dns_resolver_kind kind;
	const char *ip;
	uint16_t port;
	bool loopback;
	const char *tls_name;
};

static const struct form forms[] = {
    {"system",		    0,          DNS_RESOLVER_SYSTEM,    "",            0,     false, ""             },
    {"192.0.2.1",                 0,          DNS_RESOLVER_FORWARDER, "192.0.2.1",   53,    false, ""             },
    {"127.0.0.1",                 0,          DNS_RESOLVER_FORWARDER, "127.0.0.1",   53,    true,  ""             },
    {"127.0.0.53@5353",           0,          DNS_RESOLVER_FORWARDER, "127.0.0.53",  5353,  true,
     ""													   },
    {"::1@65535",                 0,          DNS_RESOLVER_FORWARDER, "::1",         65535, true,  ""             },
    {"9.9.9.9@853#dns.quad9.net", 0,          DNS_RESOLVER_TLS,       "9.9.9.9",     853,   false,
     "dns.quad9.net"											      },
    {"2620:fe::fe#dns.quad9.net", 0,          DNS_RESOLVER_TLS,       "2620:fe::fe", 853,
     false,											"dns.quad9.net"},
    {"",			  ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"System",		    ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"localhost",                 ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"1.2.3",		     ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"127.0.0.1:53",              ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"127.0.0.1@",                ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"127.0.0.1@0",               ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"127.0.0.1@65536",           ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"127.0.0.1@-1",              ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"127.0.0.1@53@53",           ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"9.9.9.9@853#",              ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"9.9.9.9#a b",               ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
    {"9.9.9.9#9.9.9.9",           ERR_CONFIG, 0,                      NULL,          0,     false, NULL           },
};

Test(dns_config, resolver_forms)
{
	char error[DNS_ERROR_SIZE];
	struct dns_resolver r;
	size_t i;

	for (i = 0; i < COUNT(forms); i++) {
		const struct form *form = &forms[i];

		error[0] = '\0';
		cr_expect_eq(dns_resolver_parse(form->text, &r, error),
		    form->err, "%s", form->text);
		if (form->err != 0) {
			cr_expect_not_null(strstr(error, form->text), "%s",
			    error);
			continue;
		}
		cr_expect_eq(r.kind, form->kind, "%s", form->text);
		cr_expect_str_eq(r.ip, form->ip);
		cr_expect_eq(r.port, form->port, "%s", form->text);
		cr_expect_eq(r.loopback, form->loopback, "%s", form->text);
		cr_expect_str_eq(r.tls_name, form->tls_name);
	}
}

static int
check_resolvers(const char *one, const char *two, char error[DNS_ERROR_SIZE])
{
	const char *list[2] = {one, two};
	struct dns_config config = {
	    .n_resolvers = two != NULL ? 2 : 1,
	    .resolvers = list,
	    .trust_anchor = file_of(DS_1),
	    .timeout_ms = 1000,
	};

	return dns_check(&config, error);
}

Test(dns_config, resolvers_that_go_together, .fini = remove_file)
{
	char error[DNS_ERROR_SIZE];

	cr_expect_eq(check_resolvers("192.0.2.1", "192.0.2.2", error), 0);
	cr_expect_eq(check_resolvers("127.0.0.1@1053", "::1", error), 0);
	cr_expect_eq(check_resolvers("9.9.9.9#a.test", "9.9.9.10#b.test",
			 error),
	    0, "%s", error);
	cr_expect_eq(check_resolvers("system", "192.0.2.1", error), ERR_CONFIG);
	cr_expect_not_null(strstr(error, "system"), "%s", error);
	cr_expect_eq(check_resolvers("9.9.9.9#a.test", "192.0.2.1", error),
	    ERR_CONFIG);
	cr_expect_not_null(strstr(error, "TLS"), "%s", error);
}

Test(dns_config, resolv_conf_is_told_with_its_line, .fini = remove_file)
{
	static const struct {
		const char *text;
		const char *error; /* behind the path; NULL: it is good */
	} rows[] = {
	    {"nameserver 192.0.2.1\n",                         NULL                             },
	    {"# head\nsearch a.test\n\tnameserver\t::1 # x\n", NULL                             },
	    {"nameserver fe80::1%eth0\nnameserver 192.0.2.1",  NULL                             },
	    {"",					       ": names no server"              },
	    {"search a.test\n#nameserver 192.0.2.1\n",         ": names no server"              },
	    {"nameserver 192.0.2.1\nnameserver localhost\n",
             ":2: nameserver needs an address"						  },
	    {"\nnameserver\n",				 ":2: nameserver needs an address"},
	    {"nameserver 192.0.2\n",                           ":1: nameserver needs an address"},
	};
	char error[DNS_ERROR_SIZE], want[DNS_ERROR_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		int err = dns_resolv_conf_check(file_of(rows[i].text), error);

		if (rows[i].error == NULL) {
			cr_expect_eq(err, 0, "%s: %s", rows[i].text, error);
			continue;
		}
		(void)snprintf(want, sizeof(want),
		    "resolvers: \"system\": %s%s", file_name, rows[i].error);
		cr_expect_eq(err, ERR_CONFIG, "%s", rows[i].text);
		cr_expect_str_eq(error, want);
	}
	cr_expect_eq(dns_resolv_conf_check("/nonexistent", error), ERR_CONFIG);
	cr_expect_str_eq(error,
	    "resolvers: \"system\": /nonexistent: No such file or directory");
}

/* --- libunbound's own files --------------------------------------------- */

static const struct file_row fragments[] = {
    {"nothing",        "",					       NULL     },
    {"an option",      "server:\n\tlocal-zone: \"test.\" transparent\n", NULL     },
    {"unknown option", "server:\n\tno-such-option: yes\n",               ""       },
    {"no address",
     "forward-zone:\n\tname: \".\"\n"
	"\tforward-addr: rubbish\n",				     "rubbish"},
    {"missing file",   "server:\n\ttrust-anchor-file: \"/none\"\n",      "/none"  },
};

Test(dns_config, a_fragment_that_libunbound_refuses, .fini = remove_file)
{
	char anchor[] = "/tmp/dane-sts-test.XXXXXX";
	int fd = mkstemp(anchor);
	struct dns_config config = {.trust_anchor = anchor, .timeout_ms = 1000};
	char error[DNS_ERROR_SIZE];
	size_t i;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, DS_1, strlen(DS_1)), (ssize_t)strlen(DS_1));
	(void)close(fd);
	for (i = 0; i < COUNT(fragments); i++) {
		const struct file_row *row = &fragments[i];

		config.unbound_conf = file_of(row->text);
		cr_expect_eq(dns_check(&config, error),
		    row->error == NULL ? 0 : ERR_CONFIG, "%s: %s", row->what,
		    error);
		if (row->error == NULL)
			continue;
		cr_expect_not_null(strstr(error, row->error), "%s: %s",
		    row->what, error);
		cr_expect_not_null(strstr(error, config.unbound_conf), "%s: %s",
		    row->what, error);
	}
	config.unbound_conf = NULL;
	config.root_hints = file_of("rubbish here\n");
	cr_expect_eq(dns_check(&config, error), ERR_CONFIG);
	cr_expect_not_null(strstr(error, config.root_hints), "%s", error);
	config.root_hints = "/";
	cr_expect_eq(dns_check(&config, error), ERR_CONFIG);
	config.root_hints = NULL;
	config.unbound_conf = "/nonexistent";
	cr_expect_eq(dns_check(&config, error), ERR_CONFIG);
	cr_expect_not_null(strstr(error, "No such file"), "%s", error);
	(void)unlink(anchor);
}
