# End to end: real servers, real MTA; see e2e.c and tests/lab.
check_PROGRAMS += tests/e2e/e2e
E2E_TESTS += tests/e2e/e2e
tests_e2e_e2e_SOURCES = tests/e2e/e2e.c \
	tests/e2e/attack.c tests/e2e/control.c tests/e2e/crash.c \
	tests/e2e/delivery.c tests/e2e/first_contact.c tests/e2e/hostile.c \
	tests/e2e/lab_client.c tests/e2e/lab_client.h \
	tests/e2e/life.c tests/e2e/log_line.c tests/e2e/options.c \
	tests/e2e/next_hops.c tests/e2e/recipients.c tests/e2e/reload.c \
	tests/e2e/routes.c \
	tests/e2e/sendmail.c tests/e2e/tampering.c \
	tests/e2e/tool.c tests/e2e/verdicts.c tests/e2e/web.c
tests_e2e_e2e_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS) \
	-DLAB_PROGRAM='"$(abs_top_srcdir)/tests/lab/lab"' \
	-DBROWSER_PROGRAM='"$(abs_top_srcdir)/tests/e2e/browser.py"' \
	-DTORTURE_PROGRAM='"$(abs_top_srcdir)/tests/e2e/torture"' \
	-DDEMO_PROGRAM='"$(abs_top_srcdir)/tests/lab/demo"' \
	-DBINDIR='"$(abs_top_builddir)"'
tests_e2e_e2e_LDADD = $(CRITERION_LIBS)

# The daemon's clock, where it is made to jump.
check_DATA = tests/lab/clock.so
CLEANFILES += tests/lab/clock.so

tests/lab/clock.so: tests/lab/clock.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(CFLAGS) -Wall -Wextra -fPIC \
		-shared -o $@ $(srcdir)/tests/lab/clock.c
