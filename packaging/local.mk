# Packages, made from the tarball of `make dist`.
EXTRA_DIST += packaging/debian

.PHONY: deb check-package

DEB_DIR = deb
DEB_SOURCE = $(DEB_DIR)/$(distdir)

# Into $(DEB_DIR). dpkg-buildpackage names what it needs and does not find.
deb: dist
	@command -v dpkg-buildpackage >/dev/null || \
	{ echo "make deb needs Debian's dpkg-dev and debhelper" >&2; exit 1; }
	rm -rf $(DEB_DIR)
	$(MKDIR_P) $(DEB_DIR)
	xz -dc $(distdir).tar.xz | (cd $(DEB_DIR) && tar -xf -)
	cp -R $(DEB_SOURCE)/packaging/debian $(DEB_SOURCE)/debian
	@cd $(DEB_SOURCE) && version=`dpkg-parsechangelog -S Version` && \
	case $$version in \
	$(VERSION)-*) ;; \
	*) echo "debian/changelog is of $$version, not $(VERSION)" >&2; \
	   exit 1 ;; \
	esac
	cd $(DEB_SOURCE) && dpkg-buildpackage -us -uc -b
	@ls $(DEB_DIR)/*.deb

# Installs, starts, upgrades, removes and purges it in a Debian of its own
# below a scratch directory, with Postfix, Sendmail and systemd. Takes minutes,
# root and a Debian mirror: `make check` does without.
check-package: deb
	@$(srcdir)/tests/e2e/package $(DEB_DIR)/dane-sts-milter_*.deb
