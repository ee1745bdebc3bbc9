# What watches the daemon and keeps its log: examples, installed beside the
# documentation; each says where it goes.
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/grafana-dashboard.json etc/journald.conf \
	etc/logrotate.conf etc/prometheus-rules.yml etc/rsyslog.conf

# Completion, where the shells look for it. bash loads it by the name of the
# command.
bashcompdir = $(datadir)/bash-completion/completions
zshcompdir = $(datadir)/zsh/site-functions
dist_zshcomp_DATA = etc/_dane-sts
EXTRA_DIST += etc/dane-sts.bash
install-data-local: install-completion
.PHONY: install-completion
install-completion:
	$(MKDIR_P) "$(DESTDIR)$(bashcompdir)"
	$(INSTALL_DATA) $(srcdir)/etc/dane-sts.bash \
		"$(DESTDIR)$(bashcompdir)/dane-sts"
uninstall-local: uninstall-completion
.PHONY: uninstall-completion
uninstall-completion:
	rm -f "$(DESTDIR)$(bashcompdir)/dane-sts"
