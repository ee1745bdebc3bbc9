# Unit tests. A test is one source file: a line in a list is all it takes
# (AM_DEFAULT_SOURCE_EXT), unless it needs a library less or a flag more.
AM_CPPFLAGS += -Itests/unit -I$(srcdir)/tests/unit $(CRITERION_CFLAGS) \
	$(GETDNS_CFLAGS) $(HIREDIS_CFLAGS) $(JANSSON_CFLAGS) \
	$(LIBEVENT_CFLAGS) $(OPENSSL_CFLAGS)

check_LIBRARIES += tests/unit/libtest.a
tests_unit_libtest_a_SOURCES = \
	tests/unit/dns_lab.c tests/unit/dns_lab.h \
	tests/unit/fake_idn.c tests/unit/fake_idn.h \
	tests/unit/fetch_response.c tests/unit/fetch_response.h \
	tests/unit/lab_world.c tests/unit/lab_world.h \
	tests/unit/loopback.c tests/unit/loopback.h \
	tests/unit/played_engine.c tests/unit/played_engine.h \
	tests/unit/policyhost.c tests/unit/policyhost.h \
	tests/unit/redis_host.c tests/unit/redis_host.h \
	tests/unit/redis_server.c tests/unit/redis_server.h \
	tests/unit/store_sync.c tests/unit/store_sync.h \
	tests/unit/tool_run.c tests/unit/tool_run.h \
	tests/unit/world.c tests/unit/world.h

# core/ and what is as pure: they link nothing but libcore.a.
CORE_TESTS = \
	tests/unit/test_address tests/unit/test_address_bounds \
	tests/unit/test_base64 tests/unit/test_decide \
	tests/unit/test_decide_all tests/unit/test_domain_list \
	tests/unit/test_duration tests/unit/test_facts \
	tests/unit/test_name tests/unit/test_netstring \
	tests/unit/test_policy tests/unit/test_policy_body \
	tests/unit/test_policy_mx tests/unit/test_policy_notes \
	tests/unit/test_reply tests/unit/test_scope \
	tests/unit/test_share tests/unit/test_text \
	tests/unit/test_tls_policy tests/unit/test_tlsa \
	tests/unit/test_txt tests/unit/test_verdict

# Everything else links the libraries it takes something from.
LIBRARY_TESTS = \
	tests/unit/test_ask_wait tests/unit/test_backoff \
	tests/unit/test_cache tests/unit/test_census \
	tests/unit/test_completion tests/unit/test_config \
	tests/unit/test_control tests/unit/test_control_socket \
	tests/unit/test_dns tests/unit/test_dns_config \
	tests/unit/test_dns_loop tests/unit/test_dns_reply \
	tests/unit/test_exemption_log tests/unit/test_facts_json \
	tests/unit/test_facts_recorded tests/unit/test_fetch \
	tests/unit/test_fetch_head tests/unit/test_fetch_life \
	tests/unit/test_fetch_outcome tests/unit/test_filter \
	tests/unit/test_inflight tests/unit/test_http \
	tests/unit/test_idn tests/unit/test_init tests/unit/test_libraries \
	tests/unit/test_log tests/unit/test_log_queue tests/unit/test_log_read \
	tests/unit/test_loop tests/unit/test_manual tests/unit/test_map \
	tests/unit/test_metrics_count tests/unit/test_metrics_text \
	tests/unit/test_stats_sampler tests/unit/test_net tests/unit/test_overlay \
	tests/unit/test_page tests/unit/test_preflight tests/unit/test_program \
	tests/unit/test_pulse tests/unit/test_recipient tests/unit/test_reload \
	tests/unit/test_redis_login tests/unit/test_redis_script \
	tests/unit/test_refresh_plan tests/unit/test_sandbox \
	tests/unit/test_snapshot tests/unit/test_socketmap \
	tests/unit/test_socketmap_client tests/unit/test_store \
	tests/unit/test_store_backup tests/unit/test_store_durable \
	tests/unit/test_store_format tests/unit/test_store_json \
	tests/unit/test_store_lmdb tests/unit/test_store_redis \
	tests/unit/test_store_redis_clock tests/unit/test_store_redis_down \
	tests/unit/test_store_redis_lost tests/unit/test_store_redis_race \
	tests/unit/test_store_redis_room tests/unit/test_store_room \
	tests/unit/test_store_sentinel tests/unit/test_store_v1 \
	tests/unit/test_tlsrpt tests/unit/test_tool_explain \
	tests/unit/test_tool_lint tests/unit/test_tool_program \
	tests/unit/test_tool_progress tests/unit/test_tool_rdata_text \
	tests/unit/test_tool_replay tests/unit/test_tool_tree \
	tests/unit/test_wall tests/unit/test_watch tests/unit/test_watchdog \
	tests/unit/test_write_retry tests/unit/test_web tests/unit/test_web_domain

check_PROGRAMS += $(CORE_TESTS) $(LIBRARY_TESTS) tests/unit/libraries_shim.so
UNIT_TESTS += $(CORE_TESTS) $(LIBRARY_TESTS)

LDADD = tests/unit/libtest.a libdstool.a libfront.a libengine.a libconf.a \
	libio.a libcore.a $(MILTER_LIBS) $(DNS_LIBS) \
	$(LIBCURL_LIBS) $(OPENSSL_LIBS) $(ICU_LIBS) $(STORE_LIBS) \
	$(JANSSON_LIBS) $(MICROHTTPD_LIBS) $(SECCOMP_LIBS) \
	$(CRITERION_LIBS)
CORE_LDADD = tests/unit/libtest.a libcore.a $(CRITERION_LIBS)
tests_unit_test_address_LDADD = $(CORE_LDADD)
tests_unit_test_address_bounds_LDADD = $(CORE_LDADD)
tests_unit_test_base64_LDADD = $(CORE_LDADD)
tests_unit_test_decide_LDADD = $(CORE_LDADD)
tests_unit_test_decide_all_LDADD = $(CORE_LDADD)
tests_unit_test_domain_list_LDADD = $(CORE_LDADD)
tests_unit_test_duration_LDADD = $(CORE_LDADD)
tests_unit_test_facts_LDADD = $(CORE_LDADD)
tests_unit_test_name_LDADD = $(CORE_LDADD)
tests_unit_test_netstring_LDADD = $(CORE_LDADD)
tests_unit_test_policy_LDADD = $(CORE_LDADD)
tests_unit_test_policy_body_LDADD = $(CORE_LDADD)
tests_unit_test_policy_mx_LDADD = $(CORE_LDADD)
tests_unit_test_policy_notes_LDADD = $(CORE_LDADD)
tests_unit_test_reply_LDADD = $(CORE_LDADD)
tests_unit_test_scope_LDADD = $(CORE_LDADD)
tests_unit_test_share_LDADD = $(CORE_LDADD)
tests_unit_test_text_LDADD = $(CORE_LDADD)
tests_unit_test_tls_policy_LDADD = $(CORE_LDADD)
tests_unit_test_tlsa_LDADD = $(CORE_LDADD)
tests_unit_test_txt_LDADD = $(CORE_LDADD)
tests_unit_test_verdict_LDADD = $(CORE_LDADD)

# Sources that are in no library.
tests_unit_test_ask_wait_SOURCES = tests/unit/test_ask_wait.c \
	milter/engine/cache.c milter/engine/ask_wait.c
tests_unit_test_ask_wait_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_exemption_log_SOURCES = tests/unit/test_exemption_log.c \
	milter/daemon/start_log.c
tests_unit_test_exemption_log_CPPFLAGS = $(AM_CPPFLAGS) \
	$(ICU_CFLAGS) $(LIBCURL_CFLAGS) $(MICROHTTPD_CFLAGS) $(MILTER_CFLAGS)
tests_unit_test_stats_sampler_SOURCES = tests/unit/test_stats_sampler.c \
	milter/front/stats_sampler.c milter/log/metrics.c
tests_unit_test_stats_sampler_LDADD = $(CORE_LDADD)
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c \
	milter/daemon/process.c
tests_unit_test_reload_SOURCES = tests/unit/test_reload.c milter/daemon/reload.c
tests_unit_test_watchdog_SOURCES = tests/unit/test_watchdog.c \
	milter/daemon/watchdog.c

# malloc() fails when these tests say so.
tests_unit_test_ask_wait_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=thread_wait_until
tests_unit_test_refresh_plan_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=ask -Wl,--wrap=store_backup

# What these wrap fails, changes or is counted when the tests say so.
tests_unit_test_store_backup_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rename
tests_unit_test_store_redis_down_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_mono_us -Wl,--wrap=thread_wait_until
tests_unit_test_store_redis_race_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=overlay_get
tests_unit_test_reload_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=config_choose_path

# Each host has a clock of its own.
tests_unit_test_store_redis_clock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=time

# The guard around libunbound is in force (dns_guard.h).
tests_unit_test_dns_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_dns_config_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_dns_loop_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)

tests_unit_test_init_CPPFLAGS = $(AM_CPPFLAGS) -DSBINDIR='"$(sbindir)"'

# The programs with other libraries under them; the shim is one of these.
tests_unit_libraries_shim_so_SOURCES = tests/unit/libraries_shim.c
tests_unit_libraries_shim_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_unit_libraries_shim_so_LDFLAGS = -shared
tests_unit_libraries_shim_so_LDADD =
