# Speed, side by side with programs that do the least: `make bench` takes about
# twelve minutes, `make bench-quick` one; see tests/bench/README. The programs
# are built with the tests, so that they do not rot.
LOAD_SOURCES = tests/bench/load.c tests/bench/load.h \
	tests/bench/dial.c tests/bench/dial.h \
	tests/bench/times.c tests/bench/times.h
BENCH_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/bench

check_PROGRAMS += tests/bench/milter_load tests/bench/null_milter \
	tests/bench/socketmap_load tests/bench/socketmap_fixed \
	tests/bench/store_scale tests/bench/unbound_ask \
	tests/bench/syslog_sink
tests_bench_syslog_sink_LDADD =
tests_bench_syslog_sink_SOURCES = tests/bench/syslog_sink.c
tests_bench_milter_load_SOURCES = tests/bench/milter_load.c $(LOAD_SOURCES)
tests_bench_milter_load_LDADD =
tests_bench_milter_load_CPPFLAGS = $(BENCH_CPPFLAGS)
tests_bench_null_milter_SOURCES = tests/bench/null_milter.c
tests_bench_null_milter_CPPFLAGS = $(BENCH_CPPFLAGS) $(MILTER_CFLAGS)
tests_bench_null_milter_LDADD = $(MILTER_LIBS)
tests_bench_unbound_ask_SOURCES = tests/bench/unbound_ask.c
tests_bench_unbound_ask_LDADD = $(UNBOUND_LIBS)
tests_bench_store_scale_SOURCES = tests/bench/store_scale.c \
	tests/bench/times.c tests/bench/times.h
tests_bench_store_scale_CPPFLAGS = $(BENCH_CPPFLAGS)
tests_bench_store_scale_LDADD = libio.a libcore.a $(STORE_LIBS)
tests_bench_socketmap_load_SOURCES = tests/bench/socketmap_load.c \
	$(LOAD_SOURCES)
tests_bench_socketmap_load_CPPFLAGS = $(BENCH_CPPFLAGS)
tests_bench_socketmap_load_LDADD = libcore.a
tests_bench_socketmap_fixed_SOURCES = tests/bench/socketmap_fixed.c \
	tests/bench/dial.c tests/bench/dial.h
tests_bench_socketmap_fixed_CPPFLAGS = $(BENCH_CPPFLAGS)
tests_bench_socketmap_fixed_LDADD = libcore.a

.PHONY: bench bench-quick
bench: check-programs
	@DANE_STS_BINDIR=`pwd` $(srcdir)/tests/bench/bench
bench-quick: check-programs
	@DANE_STS_BINDIR=`pwd` $(srcdir)/tests/bench/bench --quick
