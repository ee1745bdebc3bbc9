# What starts it: made from *.in with the directories that configure was told.
# The systemd files are installed where systemd looks; the others, and those
# too where there is no systemd, are examples beside the documentation.
INIT_RC = init/dane-sts-milter.sysv init/dane-sts-milter.openrc \
	init/dane-sts-milter.freebsd
INIT_SYSUSERS = init/sysusers.d/dane-sts-milter.conf
INIT_TMPFILES = init/tmpfiles.d/dane-sts-milter.conf
INIT_FILES = init/dane-sts-milter.service $(INIT_SYSUSERS) $(INIT_TMPFILES) \
	$(INIT_RC)

EXTRA_DIST += init/dane-sts-milter.service.in \
	init/dane-sts-milter.sysusers.in init/dane-sts-milter.tmpfiles.in \
	init/dane-sts-milter.sysv.in init/dane-sts-milter.openrc.in \
	init/dane-sts-milter.freebsd.in
CLEANFILES += $(INIT_FILES)

initexampledir = $(docdir)/init
initexample_DATA = $(INIT_RC)
if SYSTEMD
systemdsystemunit_DATA = init/dane-sts-milter.service
sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = $(INIT_SYSUSERS)
tmpfilesdir = $(prefix)/lib/tmpfiles.d
tmpfiles_DATA = $(INIT_TMPFILES)
else
initexample_DATA += init/dane-sts-milter.service
noinst_DATA += $(INIT_SYSUSERS) $(INIT_TMPFILES)
endif

FILL_IN = $(MKDIR_P) $(@D) && $(SED) \
	-e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|@localstatedir[@]|$(localstatedir)|g' \
	-e 's|@runstatedir[@]|$(runstatedir)|g'

$(INIT_FILES): Makefile $(srcdir)/init/local.mk

init/dane-sts-milter.service: init/dane-sts-milter.service.in
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/$@.in >$@
init/dane-sts-milter.sysv: init/dane-sts-milter.sysv.in
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/$@.in >$@
init/dane-sts-milter.openrc: init/dane-sts-milter.openrc.in
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/$@.in >$@
init/dane-sts-milter.freebsd: init/dane-sts-milter.freebsd.in
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/$@.in >$@
$(INIT_SYSUSERS): init/dane-sts-milter.sysusers.in
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/init/dane-sts-milter.sysusers.in >$@
$(INIT_TMPFILES): init/dane-sts-milter.tmpfiles.in
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/init/dane-sts-milter.tmpfiles.in >$@
