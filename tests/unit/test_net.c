/* Addresses and prefixes; which of them are special (F-16). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/net.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* By way of the prefix parser, so that addresses can be written as text. */
static struct net_address
address_of(const char *text)
{
	struct net_prefix prefix;

	cr_assert_eq(net_prefix_parse(text, &prefix), 0, "%s", text);
	cr_assert_eq(prefix.bits, 128, "%s", text);
	return prefix.address;
}

Test(net, F_16_special_addresses)
{
	static const struct {
		const char *text;
		const char *special;
	} rows[] = {
	    {"0.0.0.0",               "this network"            },
	    {"0.255.255.255",         "this network"            },
	    {"1.0.0.0",               NULL                      },
	    {"8.8.8.8",               NULL                      },
	    {"9.255.255.255",         NULL                      },
	    {"10.0.0.0",              "private network"         },
	    {"10.255.255.255",        "private network"         },
	    {"11.0.0.0",              NULL                      },
	    {"100.63.255.255",        NULL                      },
	    {"100.64.0.0",            "shared address space"    },
	    {"100.127.255.255",       "shared address space"    },
	    {"100.128.0.0",           NULL                      },
	    {"126.255.255.255",       NULL                      },
	    {"127.0.0.1",             "loopback"                },
	    {"127.255.255.255",       "loopback"                },
	    {"128.0.0.0",             NULL                      },
	    {"169.253.255.255",       NULL                      },
	    {"169.254.169.254",       "link-local"              },
	    {"169.255.0.0",           NULL                      },
	    {"172.15.255.255",        NULL                      },
	    {"172.16.0.0",            "private network"         },
	    {"172.31.255.255",        "private network"         },
	    {"172.32.0.0",            NULL                      },
	    {"192.0.0.8",             "IETF protocol assignment"},
	    {"192.0.1.0",             NULL                      },
	    {"192.0.2.1",             "documentation"           },
	    {"192.88.99.1",           "6to4 relay anycast"      },
	    {"192.167.255.255",       NULL                      },
	    {"192.168.0.0",           "private network"         },
	    {"192.168.255.255",       "private network"         },
	    {"192.169.0.0",           NULL                      },
	    {"198.17.255.255",        NULL                      },
	    {"198.18.0.0",            "benchmarking"            },
	    {"198.19.255.255",        "benchmarking"            },
	    {"198.20.0.0",            NULL                      },
	    {"198.51.100.1",          "documentation"           },
	    {"203.0.113.255",         "documentation"           },
	    {"223.255.255.255",       NULL                      },
	    {"224.0.0.1",             "multicast"               },
	    {"239.255.255.255",       "multicast"               },
	    {"240.0.0.1",             "reserved"                },
	    {"255.255.255.255",       "reserved"                },
	    {"::",		    "unspecified"             },
	    {"::1",                   "loopback"                },
	    {"::2",                   "IPv4-compatible"         },
	    {"::127.0.0.1",           "IPv4-compatible"         },
	    {"::8.8.8.8",             "IPv4-compatible"         },
	    {"::ffff:127.0.0.1",      "loopback"                },
	    {"::ffff:10.1.2.3",       "private network"         },
	    {"::ffff:8.8.8.8",        NULL                      },
	    {"::ffff:0:127.0.0.1",    "reserved"                },
	    {"64:ff9b::7f00:1",       "loopback"                },
	    {"64:ff9b::10.0.0.1",     "private network"         },
	    {"64:ff9b::808:808",      NULL                      },
	    {"64:ff9b:1::808:808",    "reserved"                },
	    {"100::1",                "reserved"                },
	    {"2001::1",               "IETF protocol assignment"},
	    {"2001:1ff:ffff::1",      "IETF protocol assignment"},
	    {"2001:200::1",           NULL                      },
	    {"2001:db7:ffff::1",      NULL                      },
	    {"2001:db8::1",           "documentation"           },
	    {"2001:db8:ffff:ffff::1", "documentation"           },
	    {"2001:db9::1",           NULL                      },
	    {"2002:7f00:1::",         "loopback"                },
	    {"2002:a00:1::1",         "private network"         },
	    {"2002:808:808::1",       NULL                      },
	    {"2606:4700::1111",       NULL                      },
	    {"3ffe:ffff::1",          NULL                      },
	    {"3fff::1",               "documentation"           },
	    {"3fff:fff:ffff::1",      "documentation"           },
	    {"3fff:1000::1",          NULL                      },
	    {"4000::1",               "reserved"                },
	    {"5f00::1",               "reserved"                },
	    {"fbff::1",               "reserved"                },
	    {"fc00::1",               "private network"         },
	    {"fdff:ffff::1",          "private network"         },
	    {"fe00::1",               "reserved"                },
	    {"fe80::1",               "link-local"              },
	    {"febf::1",               "link-local"              },
	    {"fec0::1",               "site-local"              },
	    {"ff02::1",               "multicast"               },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct net_address address = address_of(rows[i].text);
		const char *special = net_address_special(&address);

		cr_expect_str_eq(special != NULL ? special : "ordinary",
		    rows[i].special != NULL ? rows[i].special : "ordinary",
		    "%s", rows[i].text);
	}
}

Test(net, octets)
{
	static const uint8_t v4[] = {192, 0, 2, 7};
	static const uint8_t v6[16] = {0x20, 1, [15] = 9};
	struct net_address address;
	char text[NET_ADDRESS_SIZE];

	cr_assert_eq(net_address_from_octets(v4, sizeof(v4), &address), 0);
	cr_expect(net_address_is_ipv4(&address));
	net_address_text(&address, text);
	cr_expect_str_eq(text, "192.0.2.7");

	cr_assert_eq(net_address_from_octets(v6, sizeof(v6), &address), 0);
	cr_expect_not(net_address_is_ipv4(&address));
	net_address_text(&address, text);
	cr_expect_str_eq(text, "2001::9");

	for (size_t len = 0; len < sizeof(v6); len++)
		if (len != sizeof(v4))
			cr_expect_eq(net_address_from_octets(v6, len, &address),
			    ERR_RANGE, "%zu octets", len);
}

Test(net, sockaddr)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct net_address address;
	char text[NET_ADDRESS_SIZE];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(net_address_from_sockaddr((struct sockaddr *)&in,
			 &address),
	    0);
	net_address_text(&address, text);
	cr_expect_str_eq(text, "127.0.0.1");

	in6.sin6_addr = in6addr_loopback;
	cr_assert_eq(net_address_from_sockaddr((struct sockaddr *)&in6,
			 &address),
	    0);
	net_address_text(&address, text);
	cr_expect_str_eq(text, "::1");

	cr_expect_eq(net_address_from_sockaddr(&other, &address), ERR_RANGE);
}

Test(net, prefixes_that_parse)
{
	static const struct {
		const char *text;
		unsigned bits;
	} rows[] = {
	    {"0.0.0.0/0",           96 },
	    {"10.0.0.0/8",          104},
	    {"10.2.0.0/15",         111},
	    {"10.2.3.4",            128},
	    {"10.2.3.4/32",         128},
	    {"::/0",                0  },
	    {"2001:db8::/32",       32 },
	    {"fe80::1/128",         128},
	    {"::ffff:10.0.0.0/104", 104},
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct net_prefix prefix = {.bits = 999};

		cr_expect_eq(net_prefix_parse(rows[i].text, &prefix), 0, "%s",
		    rows[i].text);
		cr_expect_eq(prefix.bits, rows[i].bits, "%s: %u", rows[i].text,
		    prefix.bits);
	}
}

Test(net, prefixes_that_do_not)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
	    {"",						    ERR_SYNTAX},
	    {"/8",						  ERR_SYNTAX},
	    {"10.0.0.0/",					   ERR_SYNTAX},
	    {"10.0.0.0/ 8",					 ERR_SYNTAX},
	    {"10.0.0.0/+8",					 ERR_SYNTAX},
	    {"10.0.0.0/8x",					 ERR_SYNTAX},
	    {"10.0.0.0/0008",				       ERR_SYNTAX},
	    {"10.0.0.0/4294967304",                                 ERR_SYNTAX},
	    {"10.0.0/8",					    ERR_SYNTAX},
	    {"10/8",						ERR_SYNTAX},
	    {"010.0.0.0/8",					 ERR_SYNTAX},
	    {"fe80::1%lo",					  ERR_SYNTAX},
	    {"[::1]",					       ERR_SYNTAX},
	    {"localhost",					   ERR_SYNTAX},
	    {" 10.0.0.0/8",					 ERR_SYNTAX},
	    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/8", ERR_SYNTAX},
	    {"10.0.0.0/33",					 ERR_RANGE },
	    {"2001:db8::/129",				      ERR_RANGE },
	    {"10.0.0.1/8",					  ERR_RANGE },
	    {"10.2.0.0/14",					 ERR_RANGE },
	    {"2001:db8::1/32",				      ERR_RANGE },
	    {"2001:db8:8000::/32",                                  ERR_RANGE },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct net_prefix prefix = {.bits = 7};

		cr_expect_eq(net_prefix_parse(rows[i].text, &prefix),
		    rows[i].rc, "%s", rows[i].text);
		cr_expect_eq(prefix.bits, 7, "%s: untouched", rows[i].text);
	}
}

Test(net, F_16_prefixes_cover)
{
	static const struct {
		const char *prefix;
		const char *address;
		bool covers;
	} rows[] = {
	    {"10.2.0.0/15",   "10.2.0.0",         true },
	    {"10.2.0.0/15",   "10.3.255.255",     true },
	    {"10.2.0.0/15",   "10.4.0.0",         false},
	    {"10.2.0.0/15",   "10.1.255.255",     false},
	    {"10.2.0.0/15",   "::ffff:10.2.0.1",  true },
	    {"10.2.0.0/15",   "::10.2.0.1",       false},
	    {"10.0.0.0/8",    "64:ff9b::a00:1",   false},
	    {"127.0.0.1",     "127.0.0.1",        true },
	    {"127.0.0.1",     "127.0.0.2",        false},
	    {"0.0.0.0/0",     "8.8.8.8",          true },
	    {"0.0.0.0/0",     "2001:db8::1",      false},
	    {"::/0",          "2001:db8::1",      true },
	    {"2001:db8::/33", "2001:db8:7fff::1", true },
	    {"2001:db8::/33", "2001:db8:8000::1", false},
	    {"::1",           "::1",              true },
	    {"::1",           "::",               false},
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct net_address address = address_of(rows[i].address);
		struct net_prefix prefix;

		cr_assert_eq(net_prefix_parse(rows[i].prefix, &prefix), 0);
		cr_expect_eq(net_prefix_covers(&prefix, &address),
		    rows[i].covers, "%s in %s", rows[i].address,
		    rows[i].prefix);
	}
}

Test(net, near_is_who_shares_a_network)
{
	static const struct {
		const char *a;
		const char *b;
		bool near;
	} rows[] = {
	    {"192.0.2.1",     "192.0.2.255",        true },
	    {"192.0.2.1",     "192.0.3.1",          false},
	    {"2001:db8:1::1", "2001:db8:1:ffff::2", true },
	    {"2001:db8:1::1", "2001:db8:2::1",      false},
	    {"::ffff:0:0",    "0.0.0.1",            true },
	    {"::fffe:0:0",    "0.0.0.1",            false},
	    {"::1",           "127.0.0.1",          false},
	    {"::1",           "::2",                true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net_prefix a, b;

		cr_assert_eq(net_prefix_parse(rows[i].a, &a), 0);
		cr_assert_eq(net_prefix_parse(rows[i].b, &b), 0);
		cr_expect_eq(net_address_is_near(&a.address, &b.address),
		    rows[i].near, "%s %s", rows[i].a, rows[i].b);
		cr_expect_eq(net_address_is_near(&b.address, &a.address),
		    rows[i].near, "%s %s", rows[i].b, rows[i].a);
	}
}

/* F-17: whoever has a /64 has one host, however many addresses. */
Test(net, F_17_host_of_an_address)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.1",       "192.0.2.1",            true },
	    {"192.0.2.1",       "192.0.2.2",            false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", true },
	    {"2001:db8:1:2::1", "2001:db8:1:3::1",      false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net_address a, b;
		struct net_prefix prefix;

		cr_assert_eq(net_prefix_parse(rows[i].a, &prefix), 0);
		a = net_address_host(&prefix.address);
		cr_assert_eq(net_prefix_parse(rows[i].b, &prefix), 0);
		b = net_address_host(&prefix.address);
		cr_expect_eq(memcmp(&a, &b, sizeof(a)) == 0, rows[i].same,
		    "%s %s", rows[i].a, rows[i].b);
	}
}
