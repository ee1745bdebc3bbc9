# Many threads at one store, for ThreadSanitizer. Stands before the others: the
# last test to run has to be one of Criterion's.
PLAIN_TESTS += tests/scenario/scenario tests/scenario/store_threads
check_PROGRAMS += tests/scenario/store_threads
SCENARIO_TESTS += tests/scenario/store_threads
tests_scenario_store_threads_SOURCES = tests/scenario/store_threads.c
tests_scenario_store_threads_LDADD = libio.a libengine.a libcore.a \
	$(STORE_LIBS) $(LIBEVENT_LIBS)

# Several hosts at one redis-server that fails under them.
PLAIN_TESTS += tests/scenario/store_redis_threads
check_PROGRAMS += tests/scenario/store_redis_threads
SCENARIO_TESTS += tests/scenario/store_redis_threads
tests_scenario_store_redis_threads_SOURCES = \
	tests/scenario/store_redis_threads.c
tests_scenario_store_redis_threads_LDADD = libio.a libcore.a $(STORE_LIBS)

# Two resolvers in two threads, for ThreadSanitizer; and a program linked so
# that the guard around libunbound is not in force.
PLAIN_TESTS += tests/scenario/dns_threads
check_PROGRAMS += tests/scenario/dns_threads tests/scenario/dns_unguarded
SCENARIO_TESTS += tests/scenario/dns_threads tests/scenario/dns_unguarded
tests_scenario_dns_threads_SOURCES = tests/scenario/dns_threads.c
tests_scenario_dns_threads_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_scenario_dns_threads_LDADD = tests/unit/libtest.a libio.a libcore.a \
	$(DNS_LIBS)
tests_scenario_dns_unguarded_SOURCES = tests/scenario/dns_unguarded.c
tests_scenario_dns_unguarded_CPPFLAGS = $(AM_CPPFLAGS) \
	-DROOT_ANCHOR='"$(abs_top_srcdir)/tests/scenario/dns_unguarded.ds"'
tests_scenario_dns_unguarded_LDFLAGS = $(AM_LDFLAGS) -Wl,--exclude-libs,ALL
tests_scenario_dns_unguarded_LDADD = libio.a libcore.a $(DNS_LIBS)

# The real loops, many askers and reloads, for ThreadSanitizer.
PLAIN_TESTS += tests/scenario/ask_threads
check_PROGRAMS += tests/scenario/ask_threads
SCENARIO_TESTS += tests/scenario/ask_threads
tests_scenario_ask_threads_SOURCES = tests/scenario/ask_threads.c
tests_scenario_ask_threads_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)
tests_scenario_ask_threads_LDADD = libengine.a libconf.a libio.a libcore.a \
	$(DNS_LIBS) $(LIBCURL_LIBS) $(ICU_LIBS) $(STORE_LIBS)

# The engine against scripted DNS, HTTPS and store, under a fake clock. The
# engine's own objects but its loop and clock, which are the fake ones.
SCENARIO_SOURCES = \
	tests/scenario/world.c tests/scenario/world.h \
	tests/scenario/script.c tests/scenario/script.h \
	tests/scenario/fake_loop.c tests/scenario/fake_loop.h \
	tests/scenario/discovery.c \
	tests/scenario/policy.c tests/scenario/delivery.c \
	tests/scenario/engine.c tests/scenario/refresh.c \
	tests/scenario/tls.c tests/scenario/report.c \
	tests/scenario/crowd.c tests/scenario/memory.c tests/scenario/pins.c \
	tests/scenario/failures.c \
	tests/scenario/nomem.c tests/scenario/nomem.h \
	milter/engine/ask.c milter/engine/cache.c \
	milter/engine/engine.c milter/engine/recent.c \
	milter/engine/lookup.c milter/engine/lookup_delivery.c \
	milter/engine/lookup_discovery.c \
	milter/engine/lookup_fetch.c milter/engine/lookup_limit.c \
	milter/engine/lookup_policy.c milter/engine/lookup_report.c \
	milter/engine/probe.c milter/engine/setup.c \
	milter/log/log.c milter/log/log_event.c \
	milter/log/metrics.c \
	milter/base/net.c milter/log/tlsrpt.c \
	milter/config/config_io.c
SCENARIO_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/scenario
SCENARIO_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

check_PROGRAMS += tests/scenario/scenario tests/scenario/test_scenario
SCENARIO_TESTS += tests/scenario/scenario tests/scenario/test_scenario
tests_scenario_scenario_SOURCES = tests/scenario/scenario.c $(SCENARIO_SOURCES)
tests_scenario_scenario_CPPFLAGS = $(SCENARIO_CPPFLAGS)
tests_scenario_scenario_LDFLAGS = $(SCENARIO_LDFLAGS)
tests_scenario_scenario_LDADD = libcore.a
tests_scenario_test_scenario_SOURCES = tests/scenario/test_scenario.c \
	$(SCENARIO_SOURCES)
tests_scenario_test_scenario_CPPFLAGS = $(SCENARIO_CPPFLAGS) \
	$(CRITERION_CFLAGS)
tests_scenario_test_scenario_LDFLAGS = $(SCENARIO_LDFLAGS)
tests_scenario_test_scenario_LDADD = libcore.a $(CRITERION_LIBS)

# A million of everything: `make torture` runs it.
check_PROGRAMS += tests/scenario/million
tests_scenario_million_SOURCES = tests/scenario/million.c
tests_scenario_million_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)
tests_scenario_million_LDADD = libengine.a libconf.a libio.a libcore.a \
	$(DNS_LIBS) $(LIBCURL_LIBS) $(ICU_LIBS) $(STORE_LIBS)
