/*
 * The configuration: defaults, files that are good and files that are not,
 * exemptions, dump and sample.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "config/config.h"
#include "config/config_internal.h"
#include "paths.h"

#define SAMPLE_FILE SRCDIR "/etc/dane-sts-milter.conf"

static char directory[] = "/tmp/test_config.XXXXXX";
static char path[sizeof(directory) + 16];
static char exempt_path[sizeof(directory) + 16];

static void
set_up(void)
{
	cr_assert_eq(setenv("TEST_CONFIG", "here", 1), 0);
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(path, sizeof(path), "%s/conf", directory);
	snprintf(exempt_path, sizeof(exempt_path), "%s/exempt", directory);
}

static void
tear_down(void)
{
	unlink(path);
	unlink(exempt_path);
	rmdir(directory);
}

TestSuite(config, .init = set_up, .fini = tear_down);

static void
write_octets(const char *name, const char *octets, size_t len)
{
	FILE *file = fopen(name, "we");

	cr_assert(file != NULL);
	cr_assert_eq(fwrite(octets, 1, len, file), len);
	cr_assert_eq(fclose(file), 0);
}

static void
write_file(const char *name, const char *text)
{
	write_octets(name, text, strlen(text));
}

static struct config *
load(const char *text)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config *config;

	write_file(path, text);
	config = config_load(path, error);
	cr_assert(config != NULL, "%s: %s", text, error);
	return config;
}

/* --- defaults --- */

Test(config, defaults_are_those_of_the_table)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	cr_assert(config != NULL, "%s", error);
	cr_assert_str_eq(config->socket, "inet:8894@127.0.0.1");
	cr_assert_eq(config->deadline_ms, 4000U);
	cr_assert_eq(config->fetch_max_bytes, 65536);
	cr_assert(config->log_pass);
	cr_assert_eq(config->resolvers.n, 0U);
	/* Written back, every scalar is the table's text. */
	out = open_memstream(&text, &size);
	config_dump(config, out);
	fclose(out);
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
		const struct option *option = &config_options[i];
		char want[256];

		if (option->kind == OPTION_LIST)
			continue;
		snprintf(want, sizeof(want),
		    option->kind == OPTION_BOOL || option->kind == OPTION_INT
			? "%s = %s\n"
			: "%s = \"%s\"\n",
		    option->name, option->default_text);
		cr_assert(strstr(text, want) != NULL, "%s in %s", want, text);
	}
	free(text);
	config_free(&config);
	cr_assert_null(config);
}

/* "Default configuration" of the requirements. */
Test(config, default_rules_are_the_strict_ones_A01_D13_D15_K1_K9_K10)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);

	cr_assert(config != NULL);
	cr_assert_eq(config->mode, (int)CONFIG_MODE_ENFORCE);
	cr_assert_eq(config->rules.action, RULE_ACTION_TEMPFAIL);
	cr_assert_eq(config->rules.hosts, RULE_HOSTS_ALL);
	cr_assert_eq(config->rules.tlsa, RULE_TLSA_CHECKED);
	cr_assert_eq(config->rules.mx_patterns, RULE_MX_PATTERNS_IGNORE);
	cr_assert_eq(config->rules.on_discovery_failure, RULE_PASS);
	cr_assert_eq(config->rules.on_bogus_discovery, RULE_PASS);
	cr_assert_eq(config->rules.on_resolver_failure, RULE_TEMPFAIL);
	config_free(&config);
}

static bool
is_local_mailer(const struct config *config, const char *mailer)
{
	for (size_t i = 0; i < config->scope.n_local_mailers; i++)
		if (strcmp(config->scope.local_mailers[i], mailer) == 0)
			return true;
	return false;
}

/* R-07: the values of {rcpt_mailer} for which an MTA delivers locally or not at
 * all, and the transports of Debian's master.cf that end in pipe. */
Test(config, default_local_mailers_R07)
{
	static const char *const want[] = {"local", "virtual", "lmtp", "error",
	    "retry", "discard", "prog", "cyrus", "cyrusv2", "*file*",
	    "*include*", "maildrop", "uucp", "ifmail", "bsmtp",
	    "scalemail-backend", "mailman"};
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);

	cr_assert(config != NULL);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_expect(is_local_mailer(config, want[i]), "%s", want[i]);
	cr_expect_not(is_local_mailer(config, "smtp"));
	cr_expect_not(is_local_mailer(config, "relay"));
	cr_expect_not(is_local_mailer(config, "esmtp"));
	config_free(&config);
}

/* The words of options.def are taken for the enums of decide.h by position. */
Test(config, words_mean_what_the_rules_call_them)
{
	struct config *config = load("hosts = any\n"
				     "tlsa = required\n"
				     "mx_patterns = enforce\n"
				     "on_discovery_failure = tempfail\n"
				     "on_bogus_discovery = tempfail\n"
				     "on_resolver_failure = pass\n"
				     "action = quarantine\n"
				     "mode = monitor\n"
				     "log_format = json\n"
				     "log_level = debug\n"
				     "log = stderr\n");

	cr_assert_eq(config->rules.hosts, RULE_HOSTS_ANY);
	cr_assert_eq(config->rules.tlsa, RULE_TLSA_REQUIRED);
	cr_assert_eq(config->rules.mx_patterns, RULE_MX_PATTERNS_ENFORCE);
	cr_assert_eq(config->rules.on_discovery_failure, RULE_TEMPFAIL);
	cr_assert_eq(config->rules.on_bogus_discovery, RULE_TEMPFAIL);
	cr_assert_eq(config->rules.on_resolver_failure, RULE_PASS);
	cr_assert_eq(config->rules.action, RULE_ACTION_QUARANTINE);
	cr_assert_eq(config->mode, (int)CONFIG_MODE_MONITOR);
	cr_assert_eq(config->log_config.format, LOG_FORMAT_JSON);
	cr_assert_eq(config->log_config.level, LOG_LEVEL_DEBUG);
	cr_assert_str_eq(config->log_config.target, "stderr");
	config_free(&config);
	config = load("tlsa = ignored\naction = reject\nlog_level = error\n");
	cr_assert_eq(config->rules.tlsa, RULE_TLSA_IGNORED);
	cr_assert_eq(config->rules.action, RULE_ACTION_REJECT);
	cr_assert_eq(config->log_config.level, LOG_LEVEL_ERROR);
	config_free(&config);
}

/* --- good files: what dump makes of one option --- */

static const struct {
	const char *text;
	const char *dumped;
} good[] = {
    {"",							      "mode = \"enforce\"\n"                },
    {"mode = monitor",						"mode = \"monitor\"\n"                },
    {"mode=\"monitor\"\r\n",					  "mode = \"monitor\"\n"                },
    {"mode = 'monitor' # why not",				    "mode = \"monitor\"\n"                },
    {"/* mode = x */ mode = monitor // y",                            "mode = \"monitor\"\n"                },
    {"/***/mode = monitor /**/",				      "mode = \"monitor\"\n"                },
    {"deadline = 500ms",					      "deadline = \"500ms\"\n"              },
    {"deadline = \"8s\"",					     "deadline = \"8s\"\n"                 },
    {"deadline = \"1m\"",					     "deadline = \"1m\"\n"                 },
    {"deadline = \"60000ms\"",					"deadline = \"1m\"\n"                 },
    {"fetch_backoff = \"24h\"",				       "fetch_backoff = \"1d\"\n"            },
    {"verdict_ttl_min = \"0s\"",				      "verdict_ttl_min = \"0s\"\n"          },
    {"refresh_interval = 31557600000ms",                              "refresh_interval = \"8766h\"\n"      },
    {"fetch_max_bytes = 1000",					"fetch_max_bytes = 1000\n"            },
    {"loops = 256",						   "loops = 256\n"                       },
    {"log_pass = no",						 "log_pass = false\n"                  },
    {"log_pass = on",						 "log_pass = true\n"                   },
    {"socket = \"unix:/run/x#y.sock\"",                               "socket = \"unix:/run/x#y.sock\"\n"   },
    {"socket = unix:/run/x",					  "socket = \"unix:/run/x\"\n"          },
    {"socket = \"inet6:8894@::1\"",                                   "socket = \"inet6:8894@::1\"\n"       },
    {"socket = \"inet:1@mx.example.org\"",
     "socket = \"inet:1@mx.example.org\"\n"								 },
    {"socket_mode = 0666",					    "socket_mode = \"0666\"\n"            },
    {"user = \"\"",						   "user = \"\"\n"                       },
    {"exempt_domains = {example.org, \".example.net\"}",
     "exempt_domains = {\"example.org\", \".example.net\"}\n"                                               },
    {"exempt_domains = one.example",                                  "exempt_domains = {\"one.example\"}\n"},
    {"exempt_domains = {a.example}\nexempt_domains += {b.example}",
     "exempt_domains = {\"a.example\", \"b.example\"}\n"                                                    },
    {"local_mailers = {}",					    "local_mailers = {}\n"                },
    {"local_mailers = {\"a\", b}",				    "local_mailers = {\"a\", \"b\"}\n"    },
    {"local_mailers += {mine}",				       "\"mailman\", \"null\", \"mine\"}\n"  },
    {"resolvers = {system}",					  "resolvers = {\"system\"}\n"          },
    {"resolvers = {127.0.0.1, \"127.0.0.1@5353\", \"::1@53\"}",
     "resolvers = {\"127.0.0.1\", \"127.0.0.1@5353\", \"::1@53\"}\n"                                        },
    {"resolvers = {\"9.9.9.9@853#dns.quad9.net\"}",
     "resolvers = {\"9.9.9.9@853#dns.quad9.net\"}\n"							},
    {"policy_networks = {10.2.0.0/16, \"2001:db8::/32\", 127.0.0.1}",
     "policy_networks = {\"10.2.0.0/16\", \"2001:db8::/32\", "
	"\"127.0.0.1\"}\n"										  },
    {"store = \"memory:\"",					   "store = \"memory:\"\n"               },
    {"metrics = \"[::1]:9478\"",				      "metrics = \"[::1]:9478\"\n"          },
    {"metrics = \"127.0.0.1:9478\"",                                  "metrics = \"127.0.0.1:9478\"\n"      },
    {"policy_socket = \"inet:8461@127.0.0.1\"",
     "policy_socket = \"inet:8461@127.0.0.1\"\n"							    },
    {"log = \"file:/var/log/x\"",				     "log = \"file:/var/log/x\"\n"         },
    {"\xef\xbb\xbfmode = monitor",				    "mode = \"monitor\"\n"                },
    {"trust_anchor = \"/\\x41\\102\\t\\\nC\"",
     "trust_anchor = \"/AB\\x09C\"\n"								       },
    {"trust_anchor = '/a\\'\\\\\\n'",                                 "trust_anchor = \"/a'\\\\\\\\n\"\n"   },
    {"trust_anchor = \"/${TEST_CONFIG}/${TEST_NONE}x\"",
     "trust_anchor = \"/here/x\"\n"									 },
    {"trust_anchor = /${TEST_CONFIG}",                                "trust_anchor = \"/here\"\n"          },
    {"trust_anchor = '/${TEST_CONFIG}'",
     "trust_anchor = \"/\\${TEST_CONFIG}\"\n"							       },
    {"local_mailers = {\"a\", b,}",                                   "local_mailers = {\"a\", \"b\"}\n"    },
    {"local_mailers = {a}\nlocal_mailers = {b}",                      "local_mailers = {\"b\"}\n"           },
    {"\"mode\" = monitor",					    "mode = \"monitor\"\n"                },
    {"store = \"memory:\" mode = monitor",                            "mode = \"monitor\"\n"                },
    {"trust_anchor = \"/a\\\"b\\\\c\\$d\"",
     "trust_anchor = \"/a\\\"b\\\\c\\$d\"\n"								},
};

static void
dump(const struct config *config, char *out, size_t size)
{
	FILE *file = fmemopen(out, size, "w");

	cr_assert(file != NULL);
	config_dump(config, file);
	fclose(file);
}

Test(config, rules_of_the_maps_S07)
{
	static const struct {
		const char *text;
		const char *map;
		struct tls_rules rules;
	} maps[] = {
	    {"",			      "postfix",         {.leave_dane = false}},
	    {"",			      "QUERYwithTLSRPT", {.tlsrpt = true}     },
	    {"",			      "sts",             {.no_dane = true}    },
	    {"sendmail_dane = true",          "sts",             {.no_dane = false}   },
	    {"tlsrpt_attributes = true",      "policy",          {.tlsrpt = true}     },
	    {"default_level = \"none\"",      "postfix",         {.leave_dane = true} },
	    {"default_level = \"dane-only\"", "postfix",         {.leave_dane = false}},
 /* an old spelling, which does not mean Postfix' level "dane" */
	    {"default_level = \"dane\"",      "postfix",         {.leave_dane = false}},
	    {"no_tlsa_level = \"verify\"",    "postfix",
             {.no_tlsa = TLS_NO_TLSA_VERIFY}                                          },
 /* for Postfix alone */
	    {"dane_for_all = true",           "postfix",         {.dane_for_all = true}},
	    {"dane_for_all = true\n"
	     "sendmail_dane = true",          "sts",             {.dane_for_all = false}},
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct config *config = load(maps[i].text);
		const struct tls_map *map =
		    tls_map_find(maps[i].map, strlen(maps[i].map));
		struct tls_rules rules = config_tls_rules(config, map);

		cr_expect_eq(rules.no_tlsa, maps[i].rules.no_tlsa);
		cr_expect_eq(rules.leave_dane, maps[i].rules.leave_dane, "%s",
		    maps[i].text);
		cr_expect_eq(rules.no_dane, maps[i].rules.no_dane, "%s %s",
		    maps[i].map, maps[i].text);
		cr_expect_eq(rules.dane_for_all, maps[i].rules.dane_for_all,
		    "%s %s", maps[i].map, maps[i].text);
		cr_expect_eq(rules.tlsrpt, maps[i].rules.tlsrpt, "%s %s",
		    maps[i].map, maps[i].text);
		config_free(&config);
	}
}

Test(config, good_files)
{
	static char first[16384];
	static char second[16384];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config *config = load(good[i].text);

		dump(config, first, sizeof(first));
		cr_assert(strstr(first, good[i].dumped) != NULL, "%s: %s",
		    good[i].text, first);
		config_free(&config);
		/* What is dumped can be read, and is the same. */
		config = load(first);
		dump(config, second, sizeof(second));
		cr_assert_str_eq(first, second);
		config_free(&config);
	}
}

/* --- bad files --- */

#define X12  "xxxxxxxxxxxx"
#define X108 X12 X12 X12 X12 X12 X12 X12 X12 X12

static const struct {
	const char *text;
	const char *error; /* behind "FILE:", line first */
} bad[] = {
    {"mode = strict\n",
     "1: mode: \"strict\": must be one of \"enforce\", "
	"\"monitor\""										   },
    {"\n# x\n\nmode = \"\"\n",                      "4: mode: \"\": must be one of"                     },
    {"/* one\n two */\n// three\nmode = x\n",       "4: mode: \"x\""                                    },
    {"mode = Monitor\n",			    "1: mode: \"Monitor\": must be one of"              },
    {"mod = monitor\n",
     "1: there is no option \"mod\"; did you mean \"mode\"?"                                            },
    {"trust-anchor = x\n",
     "1: there is no option \"trust-anchor\"; did you "
	"mean \"trust_anchor\"?"									},
    {"\nzzzzzzzzzzzz = x\n",                        "2: there is no option \"zzzzzzzzzzzz\""            },
    {"listen = {a, b}\n",			   "1: there is no option \"listen\""                  },
    {"deadline = 8\n",			      "1: deadline: \"8\" is not a duration such as"      },
    {"deadline = \"8 s\"\n",                        "1: deadline: \"8 s\" is not a duration"            },
    {"deadline = \"-8s\"\n",                        "1: deadline: \"-8s\" is not a duration"            },
    {"deadline = \"8S\"\n",                         "1: deadline: \"8S\" is not a duration"             },
    {"deadline = \"1m30s\"\n",                      "1: deadline: \"1m30s\" is not a duration"          },
    {"deadline = 99ms\n",			   "1: deadline: \"99ms\" is out of range: 100ms to 1m"},
    {"deadline = 2m\n",			     "1: deadline: \"2m\" is out of range: 100ms to 1m"  },
    {"deadline = 99999999999999999999s\n",
     "1: deadline: \"99999999999999999999s\" is out of range"                                           },
    {"deadline = 9223372036854775807d\n",           "is out of range: 100ms to 1m"                      },
    {"loops = 257\n",			       "1: loops: 257 is out of range: 0 to 256"           },
    {"loops = -1\n",				"1: loops: -1 is out of range: 0 to 256"            },
    {"loops = 0x10\n",			      "1: loops: \"0x10\" is not a whole number"          },
    {"loops = \"\"\n",			      "1: loops: \"\" is not a whole number"              },
    {"loops = 9223372036854775808\n",               "is out of range: 0 to 256"                         },
    {"fetch_max_bytes = 64k\n",                     "1: fetch_max_bytes: \"64k\" is not a whole"        },
    {"log_pass = maybe\n",                          "1: log_pass: \"maybe\": must be true or false"     },
    {"socket = \"8894\"\n",                         "1: socket: \"8894\": must be \"unix:/PATH\""       },
    {"socket = \"unix:x\"\n",                       "1: socket: \"unix:x\": the path must begin"        },
    {"socket = \"inet:0@127.0.0.1\"\n",             "1: socket: \"inet:0@127.0.0.1\""                   },
    {"socket = \"inet:65536@127.0.0.1\"\n",         "1: socket: \"inet:65536@"                          },
    {"socket = \"inet:8894\"\n",                    "1: socket: \"inet:8894\": must be"                 },
    {"socket = \"inet:8894@\"\n",                   "1: socket: \"inet:8894@\": must be"                },
    {"socket = \"\"\n",			     "1: socket: \"\": must be"                          },
    {"socket_mode = 0888\n",                        "1: socket_mode: \"0888\": must be an octal"        },
    {"socket_mode = 1777\n",                        "1: socket_mode: \"1777\": must be an octal"        },
    {"exempt_domains = {\"a..b\"}\n",               "1: exempt_domains: \"a..b\" is no"                 },
    {"exempt_domains = {a.example,\n\n b_/c}\n",
     "3: exempt_domains: \"b_/c\" is no domain"							 },
    {"local_domains = {a.example, \"b..c\"}\n",
     "1: local_domains: \"b..c\" is no domain"							  },
    {"exempt_senders = {us.example}\n",
     "1: exempt_senders: \"us.example\" is no sender"                                                   },
    {"exempt_senders = {\"<a@us.example>\"}\n",
     "1: exempt_senders: \"<a@us.example>\" is no sender"                                               },
    {"exempt_senders = {\"a@\"}\n",                 "1: exempt_senders: \"a@\" is no sender"            },
    {"exempt_domains = {\".\"}\n",                  "1: exempt_domains: \".\" is no domain"             },
    {"resolvers = {localhost}\n",                   "1: resolvers: \"localhost\": must be"              },
    {"resolvers = {\"127.0.0.1@\"}\n",              "1: resolvers: \"127.0.0.1@\": must"                },
    {"resolvers = {\"127.0.0.1:53\"}\n",            "1: resolvers: \"127.0.0.1:53\""                    },
    {"resolvers = {\"9.9.9.9@853#\"}\n",            "1: resolvers: \"9.9.9.9@853#\""                    },
    {"policy_networks = {10.2.0.0/33}\n",
     "1: policy_networks: \"10.2.0.0/33\""							      },
    {"policy_networks = {10.2.0.1/16}\n",
     "1: policy_networks: \"10.2.0.1/16\""							      },
    {"policy_networks = {all}\n",                   "1: policy_networks: \"all\": must be a"            },
    {"store = \"/var/lib/x\"\n",                    "1: store: "                                        },
    {"store = \"\"\n",			      "1: store: "					},
    {"metrics = \"9478\"\n",                        "1: metrics: \"9478\": must be \"ADDRESS:PORT\""    },
    {"metrics = \"::1:9478\"\n",                    "1: metrics: \"::1:9478\": must be"                 },
    {"log = \"syslog:mail\"\n",                     "1: log: log \"syslog:mail\": must be"              },
    {"exempt_file = exempt\n",
     "1: exempt_file: \"exempt\": must begin with '/'"                                                  },
    {"trust_anchor = \"\"\n",                       "1: trust_anchor: \"\": must begin with '/'"        },
    {"control_socket = x\n",                        "1: control_socket: \"x\": must begin with '/'"     },
    {"tlsrpt_socket = /" X108 "\n",                 "a socket's path has at most 107 octets"            },
    {"mode = monitor\nmode = monitor\n",            "2: mode: set in line 1 before"                     },
    {"verdict_ttl_min = 10m\n",                     "1: verdict_ttl_min must not be longer than"        },
    {"verdict_ttl_max = 1s\n",                      "1: verdict_ttl_min must not be longer than"        },
 /* syntax */
    {"mode\n",				      "2: premature end of file"                          },
    {"mode monitor\n",			      "1: missing equal sign after option 'mode'"         },
    {"mode = {monitor}\n",                          "1: unexpected token '{'"                           },
    {"mode += monitor\n",			   "1: attempt to append to non-list option 'mode'"    },
    {"= x\n",				       "1: unexpected token '='"                           },
    {"\"\" = x\n",				  "1: syntax error"                                   },
    {"a|b = x\n",				   "1: "					       },
    {"local_mailers = {*file*}\n",                  "1: '*' must stand in quotes"                       },
    {"mode = monitor\x01\n",                        "1: control character 0x01"                         },
    {"mode = monitor\rx\n",                         "1: control character 0x0d"                         },
    {"\nmode = \"monitor\n\n",                      "2: the string that begins here has no end"         },
    {"\nmode = 'monitor\n\n",                       "2: the string that begins here has no end"         },
    {"\n\n/* mode = monitor\n\n",                   "3: the comment that begins here has no end"        },
    {"/*/ mode = monitor\n",                        "1: the comment that begins here has no end"        },
    {"mode = \"\\x00\"\n",                          "1: invalid hexadecimal number '\\x00'"             },
    {"deadline = 8s\nmode = monitor;\nloops = 1\n",
     "2: ';' must stand in quotes; none is needed"						      },
    {"resolvers = {system};\n",                     "1: ';' must stand in quotes"                       },
    {"store = redis+unix:/x\n",                     "1: '+' must stand in quotes"                       },
    {"mode =\nuser = x\n",                          "2: unexpected token '='"                           },
    {"local_mailers = {a\n",                        "2: premature end of file"                          },
    {"local_mailers = {a b}\n",                     "1: unexpected word \"b\""                          },
    {"include(\"/x\")\n",			   "1: missing equal sign after option 'include'"      },
    {"mode = \"\\400\"\n",                          "1: invalid octal number '\\400'"                   },
};

Test(config, bad_files_are_told_with_file_and_line)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char error[CONFIG_ERROR_SIZE] = "";
		struct config *config;

		write_file(path, bad[i].text);
		config = config_load(path, error);
		cr_assert(config == NULL, "%s", bad[i].text);
		cr_assert_eq(strncmp(error, path, strlen(path)), 0, "%s",
		    error);
		cr_assert(strstr(error, bad[i].error) != NULL, "%s: %s, not %s",
		    bad[i].text, error, bad[i].error);
		/* The next load is not harmed by it. */
		config = load("mode = monitor\n");
		cr_assert_eq(config->mode, (int)CONFIG_MODE_MONITOR);
		config_free(&config);
	}
}

Test(config, all_errors_are_told_in_order)
{
	char error[CONFIG_ERROR_SIZE];
	const char *at = error;
	static const char *const want[] = {":1: mode: ", "\n",
	    ":2: there is no option \"moed\"; did you mean \"mode\"?", "\n",
	    ":3: deadline: ", "\n", ":4: there is no option \"qqqqqqqq\"", "\n",
	    ":5: unexpected token '='"};

	write_file(path,
	    "mode = x\nmoed = {a, b}\ndeadline = 1\nqqqqqqqq = 1\n= 3\n");
	cr_assert_null(config_load(path, error));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		at = strstr(at, want[i]);
		cr_assert(at != NULL, "%s in %s", want[i], error);
	}
}

Test(config, errors_are_bounded_and_the_rest_is_counted)
{
	char error[CONFIG_ERROR_SIZE];
	static char text[65536];
	size_t len = 0;

	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "local_mailers = {}\n"
		    "exempt_domains = {..}\n");
	write_file(path, text);
	cr_assert_null(config_load(path, error));
	cr_assert_lt(strlen(error), (size_t)CONFIG_ERROR_SIZE);
	cr_assert(strstr(error, "... and 9") != NULL, "%s", error);
	cr_assert(strstr(error, "more errors") != NULL, "%s", error);
}

Test(config, more_unknown_options_than_are_looked_for)
{
	char error[CONFIG_ERROR_SIZE];
	char text[1024];
	size_t len = 0;

	for (int i = 0; i < 40; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "unknown%d = 1\n", i);
	write_file(path, text);
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, ":1: there is no option \"unknown0\"") != NULL,
	    "%s", error);
}

Test(config, hostile_files)
{
	char error[CONFIG_ERROR_SIZE];
	static char large[1100000];

	write_octets(path, "mode\0= x\n", 9);
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, "holds a NUL octet") != NULL, "%s", error);
	memset(large, '\n', sizeof(large));
	write_octets(path, large, sizeof(large));
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, "larger than 1048576 octets") != NULL, "%s",
	    error);
	cr_assert_null(config_load(directory, error));
	cr_assert(strstr(error, "Is a directory") != NULL, "%s", error);
	cr_assert_null(config_load("/nonexistent/conf", error));
	cr_assert_str_eq(error, "/nonexistent/conf: No such file or directory");
	/* What is said of it does not control the terminal. */
	write_file(path, "\"\x1b[31m\" = 1\n");
	cr_assert_null(config_load(path, error));
	cr_assert_null(strchr(error, '\x1b'));
}

Test(config, lines_are_known)
{
	struct config *config =
	    load("# one\n\nmode = monitor\n/*\n*/ user = \"\"\n");

	cr_assert_eq(config_line(config, "mode"), 3U);
	cr_assert_eq(config_line(config, "user"), 5U);
	cr_assert_eq(config_line(config, "control_socket"), 0U);
	cr_assert_eq(config_line(config, "nonsense"), 0U);
	config_free(&config);
}

/* --- what is made of options --- */

/* F-16 */
Test(config, policy_networks_become_prefixes_F16)
{
	struct config *config =
	    load("policy_networks = {10.2.0.0/16, \"fd00::/8\"}\n");

	cr_assert_eq(config->n_policy_prefixes, 2U);
	cr_assert_eq(config->policy_prefixes[0].bits, 96U + 16U);
	cr_assert_eq(config->policy_prefixes[1].bits, 8U);
	cr_assert_eq(config->policy_prefixes[1].address.octet[0], 0xfd);
	config_free(&config);
}

/* R-04: U-labels and case do not matter. */
Test(config, exemptions_are_canonical_R04)
{
	struct config *config =
	    load("exempt_domains = {\"M\xc3\xbcnchen.Example.\", "
		 "\".EXAMPLE.net\"}\n");

	cr_assert_eq(config->scope.exemptions.n, 2U);
	cr_assert_str_eq(config->scope.exemptions.item[0].domain,
	    ".example.net");
	cr_assert_eq(config->scope.exemptions.item[0].until_s, 0);
	cr_assert_str_eq(config->scope.exemptions.item[1].domain,
	    "xn--mnchen-3ya.example");
	config_free(&config);
}

Test(config, local_domains_are_canonical_R04_R07)
{
	struct config *config =
	    load("local_domains = {\"M\xc3\xbcnchen.Example.\", "
		 "\".EXAMPLE.net\"}\n");

	cr_assert_eq(config->scope.local_domains.n, 2U);
	cr_assert_str_eq(config->scope.local_domains.item[0].domain,
	    ".example.net");
	cr_assert_str_eq(config->scope.local_domains.item[1].domain,
	    "xn--mnchen-3ya.example");
	config_free(&config);
}

Test(config, exempt_senders_are_canonical_S09)
{
	struct config *config =
	    load("exempt_senders = {\"TLSrpt@Us.Example.\", "
		 "\"@REPORTS.example\"}\n");

	cr_assert_eq(config->scope.n_exempt_senders, 2U);
	cr_assert_str_eq(config->scope.exempt_senders[0].text,
	    "TLSrpt@Us.Example.");
	cr_assert_str_eq(config->scope.exempt_senders[0].local, "TLSrpt");
	cr_assert_str_eq(config->scope.exempt_senders[0].domain, "us.example");
	cr_assert_str_eq(config->scope.exempt_senders[1].local, "");
	cr_assert_str_eq(config->scope.exempt_senders[1].domain,
	    "reports.example");
	config_free(&config);
}

static struct config *
load_exempt(const char *text, char error[CONFIG_ERROR_SIZE])
{
	char conf[256];

	error[0] = '\0';
	write_file(exempt_path, text);
	snprintf(conf, sizeof(conf),
	    "exempt_domains = {first.example}\nexempt_file = \"%s\"\n",
	    exempt_path);
	write_file(path, conf);
	return config_load(path, error);
}

Test(config, exempt_file)
{
	static const struct domain_entry want[] = {
	    {".b.example",             4102444800, NULL           }, /* 2100 */
	    {"a.example",              0,          NULL           },
	    {"c.example",              0,          "until when"   },
	    {"d.example",              86400,      ""             },
	    {"first.example",          0,          NULL           },
	    {"xn--mnchen-3ya.example", 951868800,  "moved, see #7"},
	};
	char error[CONFIG_ERROR_SIZE];
	struct config *config = load_exempt("# head\n"
					    "\n"
					    "  a.example\t\r\n"
					    ".b.example until 2099-12-31\n"
					    "M\xc3\xbcnchen.example until "
					    "2000-02-29 #  moved, see #7 \n"
					    "c.example#until when\n"
					    "d.example until 1970-01-01 #",
	    error);

	cr_assert(config != NULL, "%s", error);
	cr_assert_eq(config->scope.exemptions.n,
	    sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct domain_entry *got =
		    &config->scope.exemptions.item[i];

		cr_assert_str_eq(got->domain, want[i].domain);
		cr_assert_eq(got->until_s, want[i].until_s, "%s: %ld",
		    got->domain, (long)got->until_s);
		cr_assert_eq(got->comment != NULL, want[i].comment != NULL);
		if (want[i].comment != NULL)
			cr_assert_str_eq(got->comment, want[i].comment);
	}
	config_free(&config);
}

/* Pins have the forms and the file of exemptions. */
Test(config, T_14_pins)
{
	char error[CONFIG_ERROR_SIZE];
	char conf[256];
	struct config *config;

	write_file(exempt_path, ".b.example until 2099-12-31 # audit\n");
	snprintf(conf, sizeof(conf),
	    "require_domains = {\"M\xc3\xbcnchen.Example\"}\n"
	    "require_file = \"%s\"\nexempt_domains = {a.example}\n",
	    exempt_path);
	write_file(path, conf);
	config = config_load(path, error);
	cr_assert(config != NULL, "%s", error);
	cr_assert_eq(config->scope.exemptions.n, 1U);
	cr_assert_eq(config->pins.n, 2U);
	cr_assert_str_eq(config->pins.item[0].domain, ".b.example");
	cr_assert_eq(config->pins.item[0].until_s, 4102444800);
	cr_assert_str_eq(config->pins.item[0].comment, "audit");
	cr_assert_str_eq(config->pins.item[1].domain, "xn--mnchen-3ya.example");
	cr_assert_eq(config->pins.item[1].until_s, 0);
	config_free(&config);
}

/* Both files are looked at, so that one run tells of all that is wrong. */
Test(config, T_14_bad_pins_are_told)
{
	char error[CONFIG_ERROR_SIZE];

	write_file(path,
	    "exempt_file = \"/nonexistent\"\n"
	    "require_file = \"/none\"\n");
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, ":1: exempt_file /nonexistent: No such") !=
		NULL,
	    "%s", error);
	cr_assert(strstr(error, ":2: require_file /none: No such") != NULL,
	    "%s", error);
	write_file(path, "require_domains = {\"a..b\"}\n");
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, "1: require_domains: \"a..b\" is no domain") !=
		NULL,
	    "%s", error);
}

static const struct {
	const char *text;
	const char *error;
} bad_exempt[] = {
    {"a..b\n",			   ":1: this is no domain"            },
    {"\n\n\xfc.example\n",               ":3: this is no domain"            },
    {"user@a.example\n",                 ":1: this is no domain"            },
    {"a.example 2026-01-01\n",           ":1: only \"until YYYY-MM-DD\" may"},
    {"a.example until\n",                ":1: \"until\" needs a date"       },
    {"a.example until soon\n",           ":1: \"until\" needs a date"       },
    {"a.example until 2026-02-29\n",     ":1: \"until\" needs a date"       },
    {"a.example until 2026-13-01\n",     ":1: \"until\" needs a date"       },
    {"a.example until 2026-1-01x\n",     ":1: \"until\" needs a date"       },
    {"a.example until 2026-00-00\n",     ":1: \"until\" needs a date"       },
    {"a.example until 2026-01-01 yes\n", ":1: nothing may follow the date"  },
};

Test(config, bad_exempt_files_are_told_with_file_and_line)
{
	char error[CONFIG_ERROR_SIZE];

	for (size_t i = 0; i < sizeof(bad_exempt) / sizeof(bad_exempt[0]);
	     i++) {
		cr_assert_null(load_exempt(bad_exempt[i].text, error));
		cr_assert_eq(strncmp(error, exempt_path, strlen(exempt_path)),
		    0);
		cr_assert(strstr(error, bad_exempt[i].error) != NULL, "%s: %s",
		    bad_exempt[i].text, error);
	}
	cr_assert_null(
	    load_exempt("ok.example\nx..y\nok.example\n..\n", error));
	cr_assert(strstr(error, ":2: ") != NULL && strstr(error, ":4: "));
}

Test(config, hostile_exempt_files)
{
	char error[CONFIG_ERROR_SIZE];
	static char line[5000];

	write_octets(exempt_path, "a.example\0\n", 11);
	snprintf(line, sizeof(line), "exempt_file = \"%s\"\n", exempt_path);
	write_file(path, line);
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, ":1: the line holds a NUL octet") != NULL, "%s",
	    error);
	memset(line, 'a', sizeof(line) - 1);
	cr_assert_null(load_exempt(line, error));
	cr_assert(strstr(error, ":1: the line is too long") != NULL, "%s",
	    error);
	write_file(path, "exempt_file = \"/nonexistent\"\n");
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error,
		      ":1: exempt_file /nonexistent: No such file or "
		      "directory") != NULL,
	    "%s", error);
	write_file(path, "exempt_file = \"/\"\n");
	cr_assert_null(config_load(path, error));
	cr_assert(strstr(error, ":1: exempt_file /: Is a directory") != NULL,
	    "%s", error);
}

/* --- the sample file --- */

static char *
read_whole(FILE *file)
{
	char *text = NULL;
	size_t size = 0;

	cr_assert(file != NULL);
	cr_assert_geq(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

Test(config, the_sample_file_is_what_the_table_yields)
{
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);
	char *kept = read_whole(fopen(SAMPLE_FILE, "re"));

	config_sample(out);
	fclose(out);
	cr_assert_str_eq(kept, made,
	    "make again with: dane-sts-milter --sample-config");
	free(kept);
	free(made);
}

/* Every line that holds an option, with its mark of a comment taken away. */
Test(config, the_sample_file_is_good_and_holds_the_defaults)
{
	char *kept = read_whole(fopen(SAMPLE_FILE, "re"));
	static char first[16384];
	static char second[16384];
	char error[CONFIG_ERROR_SIZE];
	struct config *config;

	for (char *at = kept; (at = strstr(at, "\n#")) != NULL; at++) {
		if (at[2] != ' ' && at[2] != '\n')
			at[1] = ' ';
	}
	config = load(kept);
	cr_assert_neq(config_line(config, "log_pass"), 0U);
	dump(config, first, sizeof(first));
	config_free(&config);
	config = config_load(NULL, error);
	dump(config, second, sizeof(second));
	cr_assert_str_eq(first, second);
	config_free(&config);
	free(kept);
}

/* --- words --- */

Test(config, dates)
{
	static const struct {
		const char *text;
		int64_t end_s;
	} rows[] = {
	    {"1970-01-01", 86400       },
	    {"1999-12-31", 946684800   },
	    {"2000-02-29", 951868800   },
	    {"2026-11-23", 1795478400  },
	    {"2038-01-19", 2147558400  },
	    {"2100-02-28", 4107542400  },
	    {"9999-12-31", 253402300800},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t end_s = 0;

		cr_assert_eq(config_parse_date(rows[i].text,
				 strlen(rows[i].text), &end_s),
		    0);
		cr_assert_eq(end_s, rows[i].end_s, "%s: %ld", rows[i].text,
		    (long)end_s);
	}
}
