
check_PROGRAMS += tests/unit/test_loop
UNIT_TESTS += tests/unit/test_loop
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_loop_LDADD = libengine.a libcore.a $(LIBEVENT_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_pulse
UNIT_TESTS += tests/unit/test_pulse
tests_unit_test_pulse_SOURCES = tests/unit/test_pulse.c
tests_unit_test_pulse_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_pulse_LDADD = libengine.a libcore.a $(LIBEVENT_LIBS) \
	$(CRITERION_LIBS)

# Under an init system.
check_PROGRAMS += tests/unit/test_watchdog
UNIT_TESTS += tests/unit/test_watchdog
tests_unit_test_watchdog_SOURCES = tests/unit/test_watchdog.c \
	milter/daemon/notify.c milter/daemon/watchdog.c
tests_unit_test_watchdog_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_watchdog_LDADD = $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_exemption_log
UNIT_TESTS += tests/unit/test_exemption_log
tests_unit_test_exemption_log_SOURCES = tests/unit/test_exemption_log.c \
	milter/daemon/exemption_log.c
tests_unit_test_exemption_log_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_exemption_log_LDADD = libio.a libcore.a $(CRITERION_LIBS)

# What starts the daemon.
check_PROGRAMS += tests/unit/test_init
UNIT_TESTS += tests/unit/test_init
tests_unit_test_init_SOURCES = tests/unit/test_init.c
tests_unit_test_init_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	-DINIT_DIR='"$(abs_top_builddir)/init"' -DSBINDIR='"$(sbindir)"' \
	-DPROGRAM='"$(abs_top_builddir)/dane-sts-milter"' \
	-DROOT_KEY='"/usr/share/dns/root.key"'
tests_unit_test_init_LDADD = $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_text tests/unit/test_tool_rdata_text
UNIT_TESTS += tests/unit/test_text tests/unit/test_tool_rdata_text
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_text_LDADD = libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_duration
UNIT_TESTS += tests/unit/test_duration
tests_unit_test_duration_SOURCES = tests/unit/test_duration.c
tests_unit_test_duration_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_duration_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_tool_rdata_text_SOURCES = tests/unit/test_tool_rdata_text.c
tests_unit_test_tool_rdata_text_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tool_rdata_text_LDADD = libdstool.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_decide tests/unit/test_decide_all
UNIT_TESTS += tests/unit/test_decide tests/unit/test_decide_all
tests_unit_test_decide_SOURCES = tests/unit/test_decide.c \
	tests/unit/world.c tests/unit/world.h
tests_unit_test_decide_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit \
	$(CRITERION_CFLAGS)
tests_unit_test_decide_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_decide_all_SOURCES = tests/unit/test_decide_all.c
tests_unit_test_decide_all_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_decide_all_LDADD = libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_tool_tree
UNIT_TESTS += tests/unit/test_tool_tree
tests_unit_test_tool_tree_SOURCES = tests/unit/test_tool_tree.c
tests_unit_test_tool_tree_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tool_tree_LDADD = libdstool.a libcore.a $(CRITERION_LIBS)

# dane-sts as it is run.
check_PROGRAMS += tests/unit/test_tool_program tests/unit/test_tool_lint \
	tests/unit/test_tool_explain
UNIT_TESTS += tests/unit/test_tool_program tests/unit/test_tool_lint \
	tests/unit/test_tool_explain
TOOL_RUN_SOURCES = tests/unit/tool_run.c tests/unit/tool_run.h
TOOL_RUN_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit \
	-DTOOL_PROGRAM='"$(abs_top_builddir)/dane-sts"' \
	$(JANSSON_CFLAGS) $(CRITERION_CFLAGS)
TOOL_RUN_LDADD = $(JANSSON_LIBS) $(CRITERION_LIBS)
tests_unit_test_tool_program_SOURCES = tests/unit/test_tool_program.c \
	$(TOOL_RUN_SOURCES)
tests_unit_test_tool_program_CPPFLAGS = $(TOOL_RUN_CPPFLAGS) \
	-DROOT_ANCHOR='"$(abs_top_srcdir)/tests/scenario/dns_unguarded.ds"'
tests_unit_test_tool_program_LDADD = $(TOOL_RUN_LDADD)
EXTRA_tests_unit_test_tool_program_DEPENDENCIES = dane-sts$(EXEEXT)
tests_unit_test_tool_lint_SOURCES = tests/unit/test_tool_lint.c \
	$(TOOL_RUN_SOURCES)
tests_unit_test_tool_lint_CPPFLAGS = $(TOOL_RUN_CPPFLAGS)
tests_unit_test_tool_lint_LDADD = $(TOOL_RUN_LDADD)
EXTRA_tests_unit_test_tool_lint_DEPENDENCIES = dane-sts$(EXEEXT)
tests_unit_test_tool_explain_SOURCES = tests/unit/test_tool_explain.c \
	$(TOOL_RUN_SOURCES)
tests_unit_test_tool_explain_CPPFLAGS = $(TOOL_RUN_CPPFLAGS)
tests_unit_test_tool_explain_LDADD = libcore.a $(TOOL_RUN_LDADD)
EXTRA_tests_unit_test_tool_explain_DEPENDENCIES = dane-sts$(EXEEXT)

check_PROGRAMS += tests/unit/test_log_read
UNIT_TESTS += tests/unit/test_log_read
tests_unit_test_log_read_SOURCES = tests/unit/test_log_read.c
tests_unit_test_log_read_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_log_read_LDADD = libio.a libcore.a $(JANSSON_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_store tests/unit/test_store_format \
	tests/unit/test_store_lmdb tests/unit/test_store_durable
UNIT_TESTS += tests/unit/test_store tests/unit/test_store_format \
	tests/unit/test_store_lmdb tests/unit/test_store_durable
tests_unit_test_store_SOURCES = tests/unit/test_store.c \
	tests/unit/redis_server.c tests/unit/redis_server.h \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_CPPFLAGS = $(AM_CPPFLAGS) $(HIREDIS_CFLAGS) \
	$(CRITERION_CFLAGS)
tests_unit_test_store_LDADD = libio.a libcore.a $(STORE_LIBS) $(CRITERION_LIBS)
tests_unit_test_store_format_SOURCES = tests/unit/test_store_format.c
tests_unit_test_store_format_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_format_LDADD = libio.a libcore.a $(CRITERION_LIBS)
tests_unit_test_store_lmdb_SOURCES = tests/unit/test_store_lmdb.c \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_lmdb_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_lmdb_LDADD = libio.a libcore.a $(STORE_LIBS) \
	$(CRITERION_LIBS)
tests_unit_test_store_durable_SOURCES = tests/unit/test_store_durable.c \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_durable_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_durable_LDADD = libio.a libcore.a $(STORE_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_store_backup
UNIT_TESTS += tests/unit/test_store_backup
tests_unit_test_store_backup_SOURCES = tests/unit/test_store_backup.c \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_backup_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_backup_LDADD = libio.a libcore.a $(STORE_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_store_room
UNIT_TESTS += tests/unit/test_store_room
tests_unit_test_store_room_SOURCES = tests/unit/test_store_room.c \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_room_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_room_LDADD = libio.a libcore.a $(STORE_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_store_unwritten
UNIT_TESTS += tests/unit/test_store_unwritten
tests_unit_test_store_unwritten_SOURCES = tests/unit/test_store_unwritten.c \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_unwritten_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_unwritten_LDADD = libio.a libcore.a $(STORE_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_log
UNIT_TESTS += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_log_LDADD = libio.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_log_queue
UNIT_TESTS += tests/unit/test_log_queue
tests_unit_test_log_queue_SOURCES = tests/unit/test_log_queue.c
tests_unit_test_log_queue_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_log_queue_LDADD = libio.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_net
UNIT_TESTS += tests/unit/test_net
tests_unit_test_net_SOURCES = tests/unit/test_net.c
tests_unit_test_net_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_net_LDADD = libio.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_cache
UNIT_TESTS += tests/unit/test_cache
tests_unit_test_cache_SOURCES = tests/unit/test_cache.c
tests_unit_test_cache_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_cache_LDADD = libengine.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_map
UNIT_TESTS += tests/unit/test_map
tests_unit_test_map_SOURCES = tests/unit/test_map.c
tests_unit_test_map_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_map_LDADD = libengine.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_backoff
UNIT_TESTS += tests/unit/test_backoff
tests_unit_test_backoff_SOURCES = tests/unit/test_backoff.c
tests_unit_test_backoff_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_backoff_LDADD = libengine.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_config
UNIT_TESTS += tests/unit/test_config
tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	-DSAMPLE_FILE='"$(abs_top_srcdir)/etc/dane-sts-milter.conf"'
tests_unit_test_config_LDADD = libconf.a libio.a libcore.a $(CONFUSE_LIBS) \
	$(ICU_LIBS) $(STORE_LIBS) $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_fetch tests/unit/test_fetch_life \
	tests/unit/test_fetch_head tests/unit/test_fetch_outcome
UNIT_TESTS += tests/unit/test_fetch tests/unit/test_fetch_life \
	tests/unit/test_fetch_head tests/unit/test_fetch_outcome
fetch_test_cppflags = $(AM_CPPFLAGS) \
	-DLAB_DIR=\"$(abs_top_srcdir)/tests/lab\" \
	$(LIBEVENT_CFLAGS) $(JANSSON_CFLAGS) $(CRITERION_CFLAGS)
fetch_test_libs = libio.a libcore.a $(LIBCURL_LIBS) $(OPENSSL_LIBS) \
	$(LIBEVENT_LIBS) $(JANSSON_LIBS) $(CRITERION_LIBS)
tests_unit_test_fetch_SOURCES = tests/unit/test_fetch.c \
	tests/unit/policyhost.c tests/unit/policyhost.h
tests_unit_test_fetch_CPPFLAGS = $(fetch_test_cppflags)
tests_unit_test_fetch_LDADD = $(fetch_test_libs)
tests_unit_test_fetch_life_SOURCES = tests/unit/test_fetch_life.c \
	tests/unit/policyhost.c tests/unit/policyhost.h
tests_unit_test_fetch_life_CPPFLAGS = $(fetch_test_cppflags)
tests_unit_test_fetch_life_LDADD = $(fetch_test_libs)
tests_unit_test_fetch_outcome_SOURCES = tests/unit/test_fetch_outcome.c
tests_unit_test_fetch_outcome_CPPFLAGS = $(fetch_test_cppflags)
tests_unit_test_fetch_outcome_LDADD = $(fetch_test_libs)
tests_unit_test_fetch_head_SOURCES = tests/unit/test_fetch_head.c
tests_unit_test_fetch_head_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_fetch_head_LDADD = libio.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_facts tests/unit/test_verdict \
	tests/unit/test_reply tests/unit/test_scope tests/unit/test_facts_json
UNIT_TESTS += tests/unit/test_facts tests/unit/test_verdict \
	tests/unit/test_reply tests/unit/test_scope tests/unit/test_facts_json
tests_unit_test_facts_SOURCES = tests/unit/test_facts.c
tests_unit_test_facts_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_facts_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_verdict_SOURCES = tests/unit/test_verdict.c
tests_unit_test_verdict_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_verdict_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_reply_SOURCES = tests/unit/test_reply.c \
	tests/unit/world.c tests/unit/world.h
tests_unit_test_reply_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit \
	$(CRITERION_CFLAGS)
tests_unit_test_reply_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_scope_SOURCES = tests/unit/test_scope.c
tests_unit_test_scope_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_scope_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_facts_json_SOURCES = tests/unit/test_facts_json.c \
	tests/unit/world.c tests/unit/world.h
tests_unit_test_facts_json_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/tests/unit $(JANSSON_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_facts_json_LDADD = libio.a libcore.a $(JANSSON_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_facts_recorded
UNIT_TESTS += tests/unit/test_facts_recorded
EXTRA_DIST += tests/unit/check_v1.json
tests_unit_test_facts_recorded_SOURCES = tests/unit/test_facts_recorded.c \
	tests/unit/world.c tests/unit/world.h
tests_unit_test_facts_recorded_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/tests/unit $(JANSSON_CFLAGS) $(CRITERION_CFLAGS) \
	-DCHECK_V1='"$(abs_top_srcdir)/tests/unit/check_v1.json"'
tests_unit_test_facts_recorded_LDADD = libio.a libcore.a $(JANSSON_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_name tests/unit/test_address \
	tests/unit/test_txt tests/unit/test_policy \
	tests/unit/test_policy_notes tests/unit/test_policy_mx \
	tests/unit/test_policy_body tests/unit/test_address_bounds \
	tests/unit/test_idn
UNIT_TESTS += tests/unit/test_name tests/unit/test_address \
	tests/unit/test_txt tests/unit/test_policy \
	tests/unit/test_policy_notes tests/unit/test_policy_mx \
	tests/unit/test_policy_body tests/unit/test_address_bounds \
	tests/unit/test_idn
tests_unit_test_name_SOURCES = tests/unit/test_name.c
tests_unit_test_name_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_name_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_address_SOURCES = tests/unit/test_address.c
tests_unit_test_address_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_address_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_txt_SOURCES = tests/unit/test_txt.c
tests_unit_test_txt_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_txt_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_policy_SOURCES = tests/unit/test_policy.c
tests_unit_test_policy_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_policy_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_policy_notes_SOURCES = tests/unit/test_policy_notes.c
tests_unit_test_policy_notes_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_policy_notes_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_policy_mx_SOURCES = tests/unit/test_policy_mx.c
tests_unit_test_policy_mx_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_policy_mx_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_policy_body_SOURCES = tests/unit/test_policy_body.c
tests_unit_test_policy_body_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_policy_body_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_address_bounds_SOURCES = tests/unit/test_address_bounds.c
tests_unit_test_address_bounds_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_address_bounds_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_idn_SOURCES = tests/unit/test_idn.c
tests_unit_test_idn_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_idn_LDADD = libio.a libcore.a $(ICU_LIBS) $(CRITERION_LIBS)

# The engine is played by the tests: of libengine.a they take the clock alone.
check_PROGRAMS += tests/unit/test_recipient tests/unit/test_gate \
	tests/unit/test_filter
UNIT_TESTS += tests/unit/test_recipient tests/unit/test_gate \
	tests/unit/test_filter
tests_unit_test_recipient_SOURCES = tests/unit/test_recipient.c
tests_unit_test_recipient_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_recipient_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) $(CRITERION_LIBS)
tests_unit_test_gate_SOURCES = tests/unit/test_gate.c
tests_unit_test_gate_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_gate_LDADD = libfront.a libengine.a $(CRITERION_LIBS)
tests_unit_test_filter_SOURCES = tests/unit/test_filter.c
tests_unit_test_filter_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_filter_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(MILTER_LIBS) $(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_refresh_plan
UNIT_TESTS += tests/unit/test_refresh_plan
tests_unit_test_refresh_plan_SOURCES = tests/unit/test_refresh_plan.c
tests_unit_test_refresh_plan_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_refresh_plan_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc
tests_unit_test_refresh_plan_LDADD = libengine.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_wall
UNIT_TESTS += tests/unit/test_wall
tests_unit_test_wall_SOURCES = tests/unit/test_wall.c
tests_unit_test_wall_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_wall_LDADD = libengine.a $(CRITERION_LIBS)

# Validated lookups, in a world of tests/lab.
check_PROGRAMS += tests/unit/test_dns
UNIT_TESTS += tests/unit/test_dns
tests_unit_test_dns_SOURCES = tests/unit/test_dns.c \
	tests/unit/dns_lab.c tests/unit/dns_lab.h \
	tests/unit/lab_world.c tests/unit/lab_world.h
tests_unit_test_dns_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit \
	-DLAB_WORLD='"$(abs_top_srcdir)/tests/lab/world.py"' \
	$(CRITERION_CFLAGS) $(GETDNS_CFLAGS)
tests_unit_test_dns_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_dns_LDADD = libio.a libcore.a $(DNS_LIBS) $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_dns_reply tests/unit/test_dns_config
UNIT_TESTS += tests/unit/test_dns_reply tests/unit/test_dns_config
tests_unit_test_dns_reply_SOURCES = tests/unit/test_dns_reply.c
tests_unit_test_dns_reply_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	$(GETDNS_CFLAGS)
tests_unit_test_dns_reply_LDADD = libio.a libcore.a $(DNS_LIBS) \
	$(CRITERION_LIBS)
check_PROGRAMS += tests/unit/test_dns_loop
UNIT_TESTS += tests/unit/test_dns_loop
tests_unit_test_dns_loop_SOURCES = tests/unit/test_dns_loop.c
tests_unit_test_dns_loop_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	$(GETDNS_CFLAGS)
tests_unit_test_dns_loop_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_dns_loop_LDADD = libio.a libcore.a $(DNS_LIBS) \
	$(CRITERION_LIBS)
tests_unit_test_dns_config_SOURCES = tests/unit/test_dns_config.c
tests_unit_test_dns_config_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	$(GETDNS_CFLAGS)
tests_unit_test_dns_config_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_dns_config_LDADD = libio.a libcore.a $(DNS_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_tool_replay
UNIT_TESTS += tests/unit/test_tool_replay
tests_unit_test_tool_replay_SOURCES = tests/unit/test_tool_replay.c \
	$(TOOL_RUN_SOURCES)
tests_unit_test_tool_replay_CPPFLAGS = $(TOOL_RUN_CPPFLAGS)
tests_unit_test_tool_replay_LDADD = $(TOOL_RUN_LDADD)
EXTRA_tests_unit_test_tool_replay_DEPENDENCIES = dane-sts$(EXEEXT)

check_PROGRAMS += tests/unit/test_tool_progress
UNIT_TESTS += tests/unit/test_tool_progress
tests_unit_test_tool_progress_SOURCES = tests/unit/test_tool_progress.c
tests_unit_test_tool_progress_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tool_progress_LDADD = libdstool.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_completion
UNIT_TESTS += tests/unit/test_completion
tests_unit_test_completion_SOURCES = tests/unit/test_completion.c
tests_unit_test_completion_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	-DTOOL_DIR='"$(abs_top_srcdir)/milter/tool"' \
	-DCOMPLETION_BASH='"$(abs_top_srcdir)/etc/dane-sts.bash"' \
	-DCOMPLETION_ZSH='"$(abs_top_srcdir)/etc/_dane-sts"'
tests_unit_test_completion_LDADD = libdstool.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_manual tests/unit/test_program
UNIT_TESTS += tests/unit/test_manual tests/unit/test_program
tests_unit_test_manual_SOURCES = tests/unit/test_manual.c
tests_unit_test_manual_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	-DCONFIG_MANUAL='"$(abs_top_srcdir)/etc/dane-sts-milter.conf.5"' \
	-DDAEMON_MANUAL='"$(abs_top_srcdir)/milter/dane-sts-milter.8"' \
	-DSOURCES='"$(abs_top_srcdir)/milter"'
tests_unit_test_manual_LDADD = libconf.a libio.a libcore.a $(CONFUSE_LIBS) \
	$(ICU_LIBS) $(STORE_LIBS) $(CRITERION_LIBS)
tests_unit_test_program_SOURCES = tests/unit/test_program.c
tests_unit_test_program_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	-DPROGRAM='"$(abs_top_builddir)/dane-sts-milter"' \
	-DROOT_KEY='"/usr/share/dns/root.key"'
tests_unit_test_program_LDADD = $(CRITERION_LIBS)

# The programs with other libraries under them; the shim is one of these.
check_PROGRAMS += tests/unit/test_libraries tests/unit/libraries_shim.so
UNIT_TESTS += tests/unit/test_libraries
tests_unit_libraries_shim_so_SOURCES = tests/unit/libraries_shim.c
tests_unit_libraries_shim_so_CPPFLAGS = $(AM_CPPFLAGS) $(GETDNS_CFLAGS)
tests_unit_libraries_shim_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_unit_libraries_shim_so_LDFLAGS = -shared
tests_unit_test_libraries_SOURCES = tests/unit/test_libraries.c
tests_unit_test_libraries_CPPFLAGS = $(AM_CPPFLAGS) $(GETDNS_CFLAGS) \
	$(CRITERION_CFLAGS) -DROOT_KEY='"/usr/share/dns/root.key"' \
	-DDAEMON='"$(abs_top_builddir)/dane-sts-milter"' \
	-DTOOL='"$(abs_top_builddir)/dane-sts"' \
	-DSHIM='"$(abs_top_builddir)/tests/unit/libraries_shim.so"'
tests_unit_test_libraries_LDADD = $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_sandbox
UNIT_TESTS += tests/unit/test_sandbox
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c
tests_unit_test_sandbox_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_sandbox_LDADD = libio.a $(SECCOMP_LIBS) $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_snapshot
UNIT_TESTS += tests/unit/test_snapshot
tests_unit_test_snapshot_SOURCES = tests/unit/test_snapshot.c
tests_unit_test_snapshot_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_snapshot_LDADD = libconf.a libio.a libcore.a \
	$(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) $(CRITERION_LIBS)

# The engine's entry alone; malloc() fails when the test says so.
check_PROGRAMS += tests/unit/test_ask_wait
UNIT_TESTS += tests/unit/test_ask_wait
tests_unit_test_ask_wait_SOURCES = tests/unit/test_ask_wait.c \
	milter/base/clock.c milter/engine/answer.c \
	milter/engine/ask_wait.c
tests_unit_test_ask_wait_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_ask_wait_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc
tests_unit_test_ask_wait_LDADD = libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_domain_list
UNIT_TESTS += tests/unit/test_domain_list
tests_unit_test_domain_list_SOURCES = tests/unit/test_domain_list.c
tests_unit_test_domain_list_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_domain_list_LDADD = libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_share
UNIT_TESTS += tests/unit/test_share
tests_unit_test_share_SOURCES = tests/unit/test_share.c
tests_unit_test_share_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_share_LDADD = libcore.a $(CRITERION_LIBS)

# The moment of delivery, pure.
check_PROGRAMS += tests/unit/test_tls_policy tests/unit/test_netstring \
	tests/unit/test_tlsa
UNIT_TESTS += tests/unit/test_tls_policy tests/unit/test_netstring \
	tests/unit/test_tlsa
tests_unit_test_tls_policy_SOURCES = tests/unit/test_tls_policy.c \
	tests/unit/world.c tests/unit/world.h
tests_unit_test_tls_policy_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tls_policy_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_netstring_SOURCES = tests/unit/test_netstring.c
tests_unit_test_netstring_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_netstring_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_tlsa_SOURCES = tests/unit/test_tlsa.c
tests_unit_test_tlsa_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tlsa_LDADD = libcore.a $(CRITERION_LIBS)

# The policy store on a Redis server.
check_PROGRAMS += tests/unit/test_store_copy tests/unit/test_redis_script
UNIT_TESTS += tests/unit/test_store_copy tests/unit/test_redis_script
STORE_REDIS_SOURCES = tests/unit/redis_server.c tests/unit/redis_server.h \
	tests/unit/store_sync.c tests/unit/store_sync.h
STORE_REDIS_CPPFLAGS = $(AM_CPPFLAGS) $(HIREDIS_CFLAGS) $(CRITERION_CFLAGS)
STORE_REDIS_LDADD = libio.a libcore.a $(STORE_LIBS) $(CRITERION_LIBS)
tests_unit_test_store_copy_SOURCES = tests/unit/test_store_copy.c \
	tests/unit/store_sync.c tests/unit/store_sync.h
tests_unit_test_store_copy_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_copy_LDADD = $(STORE_REDIS_LDADD)
tests_unit_test_redis_script_SOURCES = tests/unit/test_redis_script.c \
	$(STORE_REDIS_SOURCES)
tests_unit_test_redis_script_CPPFLAGS = $(STORE_REDIS_CPPFLAGS)
tests_unit_test_redis_script_LDADD = $(STORE_REDIS_LDADD)
check_PROGRAMS += tests/unit/test_store_redis tests/unit/test_store_redis_down
UNIT_TESTS += tests/unit/test_store_redis tests/unit/test_store_redis_down
tests_unit_test_store_redis_SOURCES = tests/unit/test_store_redis.c \
	$(STORE_REDIS_SOURCES)
tests_unit_test_store_redis_CPPFLAGS = $(STORE_REDIS_CPPFLAGS)
tests_unit_test_store_redis_LDADD = $(STORE_REDIS_LDADD)
tests_unit_test_store_redis_down_SOURCES = tests/unit/test_store_redis_down.c \
	$(STORE_REDIS_SOURCES)
tests_unit_test_store_redis_down_CPPFLAGS = $(STORE_REDIS_CPPFLAGS)
tests_unit_test_store_redis_down_LDADD = $(STORE_REDIS_LDADD)
check_PROGRAMS += tests/unit/test_store_redis_room
UNIT_TESTS += tests/unit/test_store_redis_room
tests_unit_test_store_redis_room_SOURCES = tests/unit/test_store_redis_room.c \
	$(STORE_REDIS_SOURCES)
tests_unit_test_store_redis_room_CPPFLAGS = $(STORE_REDIS_CPPFLAGS)
tests_unit_test_store_redis_room_LDADD = $(STORE_REDIS_LDADD)

# What earlier versions left: files that no line of the program wrote.
check_PROGRAMS += tests/unit/test_store_v1
UNIT_TESTS += tests/unit/test_store_v1
EXTRA_DIST += tests/unit/store_v1/make.py tests/unit/store_v1/data.mdb \
	tests/unit/store_v1/record
tests_unit_test_store_v1_SOURCES = tests/unit/test_store_v1.c \
	$(STORE_REDIS_SOURCES)
tests_unit_test_store_v1_CPPFLAGS = $(STORE_REDIS_CPPFLAGS) \
	-DSTORE_V1='"$(abs_top_srcdir)/tests/unit/store_v1"'
tests_unit_test_store_v1_LDADD = $(STORE_REDIS_LDADD)

# The socketmap server; the engine is played by the test.
check_PROGRAMS += tests/unit/test_socketmap
UNIT_TESTS += tests/unit/test_socketmap
tests_unit_test_socketmap_SOURCES = tests/unit/test_socketmap.c
tests_unit_test_socketmap_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_socketmap_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(LIBEVENT_LIBS) $(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_socketmap_client
UNIT_TESTS += tests/unit/test_socketmap_client
tests_unit_test_socketmap_client_SOURCES = tests/unit/test_socketmap_client.c
tests_unit_test_socketmap_client_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_socketmap_client_LDADD = libfront.a libengine.a libio.a libcore.a \
	$(LIBEVENT_LIBS) $(CRITERION_LIBS)

# What is counted.
check_PROGRAMS += tests/unit/test_metrics_count
UNIT_TESTS += tests/unit/test_metrics_count
tests_unit_test_metrics_count_SOURCES = tests/unit/test_metrics_count.c
tests_unit_test_metrics_count_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	$(GETDNS_CFLAGS)
tests_unit_test_metrics_count_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_metrics_count_LDADD = libio.a libcore.a $(DNS_LIBS) \
	$(CRITERION_LIBS)
check_PROGRAMS += tests/unit/test_redis_login
UNIT_TESTS += tests/unit/test_redis_login
tests_unit_test_redis_login_SOURCES = tests/unit/test_redis_login.c \
	$(STORE_REDIS_SOURCES)
tests_unit_test_redis_login_CPPFLAGS = $(STORE_REDIS_CPPFLAGS)
tests_unit_test_redis_login_LDADD = $(STORE_REDIS_LDADD)

check_PROGRAMS += tests/unit/test_base64 tests/unit/test_store_json
UNIT_TESTS += tests/unit/test_base64 tests/unit/test_store_json
tests_unit_test_base64_SOURCES = tests/unit/test_base64.c
tests_unit_test_base64_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_base64_LDADD = libcore.a $(CRITERION_LIBS)
tests_unit_test_store_json_SOURCES = tests/unit/test_store_json.c
tests_unit_test_store_json_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_store_json_LDADD = libio.a libcore.a $(JANSSON_LIBS) \
	$(CRITERION_LIBS)

# The engine is played by the test: of libengine.a it takes the clock alone.
check_PROGRAMS += tests/unit/test_control
UNIT_TESTS += tests/unit/test_control
tests_unit_test_control_SOURCES = tests/unit/test_control.c
tests_unit_test_control_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) \
	$(CRITERION_CFLAGS)
tests_unit_test_control_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) $(JANSSON_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_control_socket
UNIT_TESTS += tests/unit/test_control_socket
tests_unit_test_control_socket_SOURCES = tests/unit/test_control_socket.c
tests_unit_test_control_socket_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_control_socket_LDADD = libfront.a libconf.a libio.a libcore.a \
	$(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) $(JANSSON_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_tlsrpt
UNIT_TESTS += tests/unit/test_tlsrpt
tests_unit_test_tlsrpt_SOURCES = tests/unit/test_tlsrpt.c
tests_unit_test_tlsrpt_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tlsrpt_LDADD = libio.a libcore.a $(CRITERION_LIBS)

# Metrics and the status page.
check_PROGRAMS += tests/unit/test_http_request
UNIT_TESTS += tests/unit/test_http_request
tests_unit_test_http_request_SOURCES = tests/unit/test_http_request.c
tests_unit_test_http_request_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_http_request_LDADD = libfront.a libcore.a $(CRITERION_LIBS)
check_PROGRAMS += tests/unit/test_http
UNIT_TESTS += tests/unit/test_http
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_http_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(LIBEVENT_LIBS) $(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) \
	$(CRITERION_LIBS)
check_PROGRAMS += tests/unit/test_api
UNIT_TESTS += tests/unit/test_api
tests_unit_test_api_SOURCES = tests/unit/test_api.c
tests_unit_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_api_LDADD = libfront.a libengine.a libconf.a libio.a \
	libcore.a $(LIBEVENT_LIBS) $(CONFUSE_LIBS) $(ICU_LIBS) $(STORE_LIBS) \
	$(JANSSON_LIBS) $(CRITERION_LIBS)
check_PROGRAMS += tests/unit/test_metrics_text tests/unit/test_page
UNIT_TESTS += tests/unit/test_metrics_text tests/unit/test_page
tests_unit_test_metrics_text_SOURCES = tests/unit/test_metrics_text.c
tests_unit_test_metrics_text_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_metrics_text_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_metrics_text_LDADD = libfront.a libio.a libcore.a \
	$(DNS_LIBS) $(CRITERION_LIBS)

# What watches the daemon: etc/*.
check_PROGRAMS += tests/unit/test_watch
UNIT_TESTS += tests/unit/test_watch
EXTRA_DIST += tests/unit/prometheus-rules-test.yml
tests_unit_test_watch_SOURCES = tests/unit/test_watch.c
tests_unit_test_watch_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) \
	$(CRITERION_CFLAGS) -DETC_DIR='"$(abs_top_srcdir)/etc"' \
	-DMANUAL='"$(abs_top_srcdir)/milter/dane-sts-milter.8"' \
	-DRULES_TEST='"$(abs_srcdir)/tests/unit/prometheus-rules-test.yml"'
tests_unit_test_watch_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
tests_unit_test_watch_LDADD = libfront.a libio.a libcore.a \
	$(DNS_LIBS) $(JANSSON_LIBS) $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_census
UNIT_TESTS += tests/unit/test_census
tests_unit_test_census_SOURCES = tests/unit/test_census.c
tests_unit_test_census_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_census_LDADD = libfront.a libcore.a $(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_minute
UNIT_TESTS += tests/unit/test_minute
tests_unit_test_minute_SOURCES = tests/unit/test_minute.c \
	milter/front/stats_sampler.c milter/front/history.c milter/front/census.c \
	milter/log/metrics.c
tests_unit_test_minute_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_minute_LDADD = libcore.a $(CRITERION_LIBS)

tests_unit_test_page_SOURCES = tests/unit/test_page.c
tests_unit_test_page_CPPFLAGS = $(AM_CPPFLAGS) $(OPENSSL_CFLAGS) \
	$(CRITERION_CFLAGS)
tests_unit_test_page_LDADD = libfront.a libengine.a libio.a libcore.a \
	$(OPENSSL_LIBS) $(CRITERION_LIBS)
