
check_PROGRAMS += tests/unit/test_loop
UNIT_TESTS += tests/unit/test_loop
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_loop_LDADD = libengine.a libcore.a $(LIBEVENT_LIBS) \
	$(CRITERION_LIBS)

check_PROGRAMS += tests/unit/test_tool_text tests/unit/test_tool_rdata_text
UNIT_TESTS += tests/unit/test_tool_text tests/unit/test_tool_rdata_text
tests_unit_test_tool_text_SOURCES = tests/unit/test_tool_text.c
tests_unit_test_tool_text_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tool_text_LDADD = libdstool.a $(CRITERION_LIBS)
tests_unit_test_tool_rdata_text_SOURCES = tests/unit/test_tool_rdata_text.c
tests_unit_test_tool_rdata_text_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_test_tool_rdata_text_LDADD = libdstool.a $(CRITERION_LIBS)
