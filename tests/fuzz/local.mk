# Fuzz targets: replayed on their corpora by `make check`, run by `make fuzz`
# (tests/fuzz/run). In a build with --enable-fuzz libFuzzer has main().
FUZZ_TESTS += tests/fuzz/fuzz_address tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_control tests/fuzz/fuzz_dns_reply \
	tests/fuzz/fuzz_facts_json tests/fuzz/fuzz_fetch_head \
	tests/fuzz/fuzz_log_escape tests/fuzz/fuzz_log_read \
	tests/fuzz/fuzz_policy \
	tests/fuzz/fuzz_socketmap tests/fuzz/fuzz_store_format \
	tests/fuzz/fuzz_txt
check_PROGRAMS += $(FUZZ_TESTS)
UNIT_TESTS += $(FUZZ_TESTS)

FUZZ_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(abs_top_srcdir)/tests/fuzz/corpus"'
if FUZZ_ENGINE
FUZZ_MAIN = tests/fuzz/fuzz.h
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/fuzz.h tests/fuzz/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif

# Second parsers, from the ABNF. Where they go is not what libFuzzer is to
# find out.
check_LIBRARIES += tests/fuzz/liboracle.a
tests_fuzz_liboracle_a_SOURCES = tests/fuzz/abnf.c tests/fuzz/abnf.h \
	tests/fuzz/oracle_policy.c tests/fuzz/oracle_policy.h \
	tests/fuzz/oracle_txt.c tests/fuzz/oracle_txt.h \
	tests/fuzz/txt_input.c tests/fuzz/txt_input.h
if FUZZ_ENGINE
tests_fuzz_liboracle_a_CFLAGS = $(AM_CFLAGS) -fno-sanitize=fuzzer-no-link
else
tests_fuzz_liboracle_a_CFLAGS = $(AM_CFLAGS)
endif

tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c $(FUZZ_MAIN)
tests_fuzz_fuzz_address_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_address_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_address_LDADD = libio.a libcore.a $(ICU_LIBS)

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_LDADD = libconf.a libio.a libcore.a $(DNS_LIBS) \
	$(LIBCURL_LIBS) $(ICU_LIBS) $(STORE_LIBS)

tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(FUZZ_MAIN)
tests_fuzz_fuzz_control_CPPFLAGS = $(FUZZ_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_control_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_control_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(MILTER_LIBS) $(DNS_LIBS) \
	$(LIBCURL_LIBS) $(OPENSSL_LIBS) $(ICU_LIBS) $(STORE_LIBS) \
	$(JANSSON_LIBS)

tests_fuzz_fuzz_dns_reply_SOURCES = tests/fuzz/fuzz_dns_reply.c \
	tests/fuzz/dns_message.c tests/fuzz/dns_message.h $(FUZZ_MAIN)
tests_fuzz_fuzz_dns_reply_CPPFLAGS = $(FUZZ_CPPFLAGS) $(GETDNS_CFLAGS)
tests_fuzz_fuzz_dns_reply_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_dns_reply_LDADD = libio.a libcore.a $(DNS_LIBS)

tests_fuzz_fuzz_facts_json_SOURCES = tests/fuzz/fuzz_facts_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_facts_json_CPPFLAGS = $(FUZZ_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_facts_json_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_facts_json_LDADD = libio.a libcore.a $(JANSSON_LIBS)

tests_fuzz_fuzz_fetch_head_SOURCES = tests/fuzz/fuzz_fetch_head.c \
	tests/unit/fetch_response.c $(FUZZ_MAIN)
tests_fuzz_fuzz_fetch_head_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_fetch_head_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_fetch_head_LDADD = libio.a libcore.a $(LIBCURL_LIBS) \
	$(OPENSSL_LIBS)

tests_fuzz_fuzz_log_escape_SOURCES = tests/fuzz/fuzz_log_escape.c $(FUZZ_MAIN)
tests_fuzz_fuzz_log_escape_CPPFLAGS = $(FUZZ_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_log_escape_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_log_escape_LDADD = libio.a libcore.a $(JANSSON_LIBS)

tests_fuzz_fuzz_log_read_SOURCES = tests/fuzz/fuzz_log_read.c $(FUZZ_MAIN)
tests_fuzz_fuzz_log_read_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_log_read_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_log_read_LDADD = libio.a libcore.a $(JANSSON_LIBS)

tests_fuzz_fuzz_policy_SOURCES = tests/fuzz/fuzz_policy.c $(FUZZ_MAIN)
tests_fuzz_fuzz_policy_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_policy_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_policy_LDADD = tests/fuzz/liboracle.a libcore.a

# The engine is played by the target.
tests_fuzz_fuzz_socketmap_SOURCES = tests/fuzz/fuzz_socketmap.c $(FUZZ_MAIN)
tests_fuzz_fuzz_socketmap_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_socketmap_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_socketmap_LDADD = libfront.a libengine.a libconf.a \
	libio.a libcore.a $(DNS_LIBS) $(LIBCURL_LIBS) $(ICU_LIBS) $(STORE_LIBS)

tests_fuzz_fuzz_store_format_SOURCES = tests/fuzz/fuzz_store_format.c $(FUZZ_MAIN)
tests_fuzz_fuzz_store_format_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_store_format_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_store_format_LDADD = libio.a libcore.a

tests_fuzz_fuzz_txt_SOURCES = tests/fuzz/fuzz_txt.c $(FUZZ_MAIN)
tests_fuzz_fuzz_txt_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_txt_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_txt_LDADD = tests/fuzz/liboracle.a libcore.a

if !FUZZ_ENGINE
check_PROGRAMS += tests/fuzz/test_oracle
UNIT_TESTS += tests/fuzz/test_oracle
tests_fuzz_test_oracle_SOURCES = tests/fuzz/test_oracle.c
tests_fuzz_test_oracle_CPPFLAGS = $(FUZZ_CPPFLAGS) $(CRITERION_CFLAGS)
tests_fuzz_test_oracle_LDADD = tests/fuzz/liboracle.a libcore.a \
	$(CRITERION_LIBS)
endif

# --- make fuzz: a build of its own, as for the other sanitizers. What is found
# is in build-fuzz/build/findings.

FUZZ_CC = clang
FUZZ_SECONDS = 60

.PHONY: fuzz
fuzz: build-fuzz/source
	@$(MKDIR_P) build-fuzz/build && cd build-fuzz/build && \
	{ $(CONFIGURE_COPY) --enable-fuzz CC='$(FUZZ_CC)'; } && \
	$(MAKE) --no-print-directory $(FUZZ_TESTS)
	@$(SHELL) $(srcdir)/tests/fuzz/run build-fuzz/build $(FUZZ_SECONDS) \
		$(FUZZ_TESTS)
