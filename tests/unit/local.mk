
check_PROGRAMS += tests/unit/test_loop
UNIT_TESTS += tests/unit/test_loop
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_loop_LDADD = libengine.a libcore.a $(LIBEVENT_LIBS) \
	$(CRITERION_LIBS)
