# What runs the tests, and the checks that developers run.

# Programs without Criterion, which ThreadSanitizer and valgrind can run:
# each is in SCENARIO_TESTS as well.
PLAIN_TESTS =

EXTRA_DIST += tests/REQUIREMENTS tests/run tests/size tests/sanitizer_reports.awk tests/each tests/coverage tests/lab tests/tsan.supp .ci/run .clang-tidy
# Here, so that the tarball has them where configure left the tests out.
EXTRA_DIST += tests/bench/README tests/bench/RESULTS tests/bench/bench \
	tests/bench/ground.py tests/bench/table.py tests/bench/warm.py \
	tests/bench/cold.py tests/bench/beside.py tests/bench/stored.py \
	tests/bench/sts_resolver.py tests/bench/log_target.py tests/bench/cost.py \
	tests/e2e/valgrind-10k tests/e2e/browser.py tests/e2e/torture \
	tests/e2e/crowd.py tests/e2e/torture_kill.py tests/e2e/torture_disk.py \
	tests/e2e/torture_redis.py tests/e2e/torture_strangers.py \
	tests/e2e/torture_chaos.py tests/e2e/chaos_world.py tests/e2e/chaos_load.py \
	tests/e2e/chaos_book.py tests/e2e/release tests/e2e/package \
	tests/e2e/package_root.py tests/e2e/package_stages.py \
	tests/e2e/package_systemd.py tests/fuzz/replay.c tests/fuzz/run \
	tests/fuzz/corpus tests/scenario/dns_unguarded.ds tests/unit/check_v1.json \
	tests/unit/prometheus-rules-test.yml tests/unit/store_v1/make.py \
	tests/unit/store_v1/data.mdb tests/unit/store_v1/record

ALL_TESTS = $(UNIT_TESTS) $(SCENARIO_TESTS) $(E2E_TESTS)
RUN_TESTS = $(SHELL) $(srcdir)/tests/run
EACH = $(SHELL) $(srcdir)/tests/each

.PHONY: check-programs tests-enabled check-quick check-analysis asan asan-quick \
	tsan tsan-quick valgrind valgrind-quick coverage torture analyze tidy \
	lint format

# One after the other: `all` runs a make of its own, and two at once would
# compile the same files.
check-programs: all
	@$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS) $(check_DATA)

check-local: tests-enabled
	@$(RUN_TESTS) $(ALL_TESTS)

# configure leaves the tests out where Criterion is missing.
tests-enabled:
	@test -n "$(UNIT_TESTS)" || { echo "configured without tests: they need\
	Criterion (Debian: libcriterion-dev)" >&2; exit 1; }

# Some at once, and silent unless one fails: all but those that spend their time
# in waiting for a daemon or a server, and test_oracle, which computes for long.
QUICK_TESTS = $(SCENARIO_TESTS) $(filter-out %/test_dns %/test_filter \
	%/test_init %/test_libraries %/test_oracle %/test_program %/test_store_room,$(UNIT_TESTS))

check-quick: tests-enabled all
	@$(MAKE) $(AM_MAKEFLAGS) $(QUICK_TESTS)
	@printf '%s\n' $(QUICK_TESTS) | $(EACH) $(RUN_TESTS) '{}'

# --- sanitizers: builds of their own, from a copy of the source, so that it
# does not matter whether the source directory is configured itself.

CONFIGURE_COPY = test Makefile -nt ../source/Makefile.in || \
	../source/configure -q

build-asan/source build-tsan/source build-fuzz/source \
build-coverage/source: FORCE
	@$(MKDIR_P) $(@D) && $(MAKE) -s --no-print-directory distdir distdir=$@

FORCE:

asan: build-asan/source
	@$(MKDIR_P) build-asan/build && cd build-asan/build && \
	{ $(CONFIGURE_COPY) --enable-asan CFLAGS='-O1 -g'; } && \
	$(MAKE) --no-print-directory check-programs && \
	$(MAKE) --no-print-directory check

asan-quick: build-asan/source
	@$(MKDIR_P) build-asan/build && cd build-asan/build && \
	{ $(CONFIGURE_COPY) --enable-asan CFLAGS='-O1 -g'; } && \
	$(MAKE) --no-print-directory check-quick

# Programs are loaded where ThreadSanitizer expects them only without address
# randomisation on some kernels.
TSAN_WRAPPER = `setarch -R true 2>/dev/null && echo setarch -R`

# End to end, a daemon goes on after a report: libmilter causes some when it
# stops, which tests/sanitizer_reports.awk leaves out, and the daemon has to end
# as it does otherwise. Each other report fails the run.
tsan: build-tsan/source check-programs
	@$(MKDIR_P) build-tsan/build && cd build-tsan/build && \
	{ $(CONFIGURE_COPY) --enable-tsan; } && \
	$(MAKE) --no-print-directory all && \
	$(MAKE) --no-print-directory $(PLAIN_TESTS)
	@top=`pwd` && tsan=$$top/build-tsan && \
	supp="suppressions=$$tsan/source/tests/tsan.supp" && \
	TEST_WRAPPER="$(TSAN_WRAPPER)" && DANE_STS_BINDIR=$$tsan/build && \
	export TEST_WRAPPER DANE_STS_BINDIR && \
	(cd $$tsan/build && TSAN_OPTIONS="halt_on_error=1:$$supp" \
	$(SHELL) ../source/tests/run $(PLAIN_TESTS)) && \
	TSAN_OPTIONS="halt_on_error=0:exitcode=0:$$supp" $(RUN_TESTS) $(E2E_TESTS)

tsan-quick: build-tsan/source
	@$(MKDIR_P) build-tsan/build && cd build-tsan/build && \
	{ $(CONFIGURE_COPY) --enable-tsan; } && \
	TSAN_OPTIONS="halt_on_error=1:suppressions=../source/tests/tsan.supp" \
	TEST_WRAPPER="$(TSAN_WRAPPER)" \
	$(MAKE) --no-print-directory check-quick QUICK_TESTS='$(PLAIN_TESTS)'

# Criterion runs each test in a process of its own, an exec away, and each takes
# a second here; programs of the system and of the lab are not looked at. Left
# out are
#   those that depend on how fast they are;
#   those that crash on purpose, or forbid themselves system calls;
#   test_redis_login: glibc's resolver does not know what it may free at exit;
#   the largest of the core, which has no memory to lose;
#   test_scenario, which is tests/scenario/scenario once more.
VALGRIND = valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect --log-file=%q{TEST_REPORT}.%p \
	--trace-children=yes --trace-children-skip=/bin/*,/usr/*,*.py,*/tests/lab/*
VALGRIND_TESTS = $(filter-out \
	%/test_control %/test_fetch %/test_fetch_life %/test_loop \
	%/test_store %/test_store_durable \
	%/test_store_redis_down %/test_store_redis_lost \
	%/test_control_socket %/test_sandbox %/test_store_lmdb \
	%/test_redis_login \
	%/test_decide %/test_decide_all \
	%/test_scenario,$(QUICK_TESTS))

valgrind: all
	@TEST_WRAPPER='$(VALGRIND)' $(MAKE) check-quick \
		QUICK_TESTS='$(VALGRIND_TESTS)'
	@DANE_STS_BINDIR=`pwd` $(srcdir)/tests/e2e/valgrind-10k

valgrind-quick: all
	@TEST_WRAPPER='$(VALGRIND)' $(MAKE) check-quick \
		QUICK_TESTS='$(PLAIN_TESTS) $(FUZZ_TESTS)'

# How many branches of milter/core the tests take. Counters are atomic, or
# threads would lose some and gcov fail in its sums.
COVERAGE_FLAGS = -O0 -g --coverage -fprofile-update=atomic

coverage: build-coverage/source
	@$(MKDIR_P) build-coverage/build && cd build-coverage/build && \
	{ $(CONFIGURE_COPY) CC=gcc CFLAGS='$(COVERAGE_FLAGS)'; } && \
	find . -name '*.gcda' -exec rm {} + && \
	$(MAKE) --no-print-directory check-quick
	@$(srcdir)/tests/coverage build-coverage/build

# All that looks at the code in some other way than `make check`, in a few
# minutes.
ANALYSIS = lint tidy analyze coverage asan-quick tsan-quick valgrind-quick

check-analysis:
	@failed=; for part in $(ANALYSIS); do \
		if echo $$part | $(EACH) $(MAKE) --no-print-directory '{}'; \
		then echo "$$part: nothing found"; \
		else failed="$$failed $$part"; \
		fi; \
	done; \
	test -z "$$failed" || { echo "FAILED:$$failed" >&2; exit 1; }
	@$(srcdir)/tests/coverage -q build-coverage/build

# The long runs of what `make check` has in short: about 25 minutes.
torture: check-programs
	@DANE_STS_BINDIR=`pwd` && export DANE_STS_BINDIR && \
	torture=$(srcdir)/tests/e2e/torture && \
	$$torture --rounds 250 --births 50 kill && $$torture diskfull && \
	$$torture crowded && \
	$$torture readonly && $$torture unusable && \
	{ $$torture --rounds 10 redis || test $$? -eq 77; } && \
	{ $$torture fleet || test $$? -eq 77; } && \
	$$torture --seconds 300 chaos && \
	{ $$torture --seconds 200 --store redis chaos || test $$? -eq 77; } && \
	$$torture strangers && $$torture million

# --- the source ---------------------------------------------------------------

FIND_CODE = find $(srcdir)/milter $(srcdir)/tests
FIND_SOURCE = find $(srcdir)/milter -name '*.c'
CODE_FLAGS = -std=gnu11 $(DEFS) $(AM_CPPFLAGS) $(GETDNS_CFLAGS) \
	$(LIBEVENT_CFLAGS) $(LIBCURL_CFLAGS) $(OPENSSL_CFLAGS) \
	$(ICU_CFLAGS) $(HIREDIS_CFLAGS) $(JANSSON_CFLAGS) \
	$(MILTER_CFLAGS) $(SECCOMP_CFLAGS)

# One file at a time: with several, clang 14 takes every va_list after the
# first file's for uninitialised.
tidy:
	@$(FIND_SOURCE) | $(EACH) clang-tidy --quiet --warnings-as-errors='*' \
		--config-file=$(srcdir)/.clang-tidy '{}' -- $(CODE_FLAGS)

# gcc's own analyser; it compiles, and throws away what comes out. Of mistakes
# put in on purpose it saw fewest at -O0; at -O2 it has more false alarms. In these
# files it takes for lost what is kept: an entry by a list, a question by a queue,
# a name or a command by an array that has just grown.
ANALYZE = gcc -O1 -fanalyzer -Werror $(CODE_FLAGS) -c -o /dev/null
NO_LEAK = $(srcdir)/milter/engine/cache.c \
	$(srcdir)/milter/engine/lookup_limit.c \
	$(srcdir)/milter/store/overlay.c \
	$(srcdir)/milter/store/redis_link.c \
	$(srcdir)/milter/store/store_redis_list.c \
	$(srcdir)/milter/tool/resolve.c

analyze:
	@$(FIND_SOURCE) | grep -v $(NO_LEAK:%=-e %) | $(EACH) $(ANALYZE) '{}'
	@printf '%s\n' $(NO_LEAK) | \
		$(EACH) $(ANALYZE) -Wno-analyzer-malloc-leak '{}'

# cppcheck reads no system header, so that the macros of <sys/queue.h> and the
# one of jansson have to be handed to it. memleak takes the end of
# `grown = realloc(p); return grown != NULL ? grown : p` for one. User database
# look-ups are made before there are threads; ctuuninitvar takes the address of
# an array for a look into it.
lint:
	$(srcdir)/tests/size --check
	@grep -rhoE --include='*.[ch]' '\<[A-DFL-PR-T]-[0-9]{2}\>' \
		$(srcdir)/milter $(srcdir)/tests | sort -u | while read -r id; do \
		grep -q "^$$id " $(srcdir)/tests/REQUIREMENTS || \
		{ echo "$$id is not in tests/REQUIREMENTS" >&2; exit 1; }; done
	queue=`echo '#include <sys/queue.h>' | $(CC) -M -xc - | tr ' ' '\n' | \
		grep 'sys/queue\.h$$'` && \
	cppcheck --quiet --force --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --library=posix \
		--suppress=missingInclude --suppress=getpwnamCalled \
		--suppress=getgrnamCalled --suppress=ctuuninitvar \
		--suppress=memleak:$(srcdir)/milter/core/tls_policy_text.c \
		'-Djson_object_foreach(object,key,value)=while (next(&key,&value))' \
		--include=$$queue -I$(srcdir)/milter $(srcdir)/milter

format:
	$(FIND_CODE) -name '*.[ch]' -exec clang-format -i {} +

# Python's leavings in a source directory that was used.
dist-hook:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +

clean-local:
	rm -rf build-asan build-tsan build-coverage deb
