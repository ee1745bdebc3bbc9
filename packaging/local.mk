# Packages, made from the tarball of `make dist`.
EXTRA_DIST += packaging/debian packaging/Containerfile

.PHONY: deb check-package check-release

DEB_DIR = deb
DEB_SOURCE = $(DEB_DIR)/$(distdir)

# Binary and source package, into $(DEB_DIR). dpkg-buildpackage names the
# packages that it needs and does not find.
deb: dist
	@command -v dpkg-buildpackage >/dev/null || \
	{ echo "make deb needs Debian's dpkg-dev and debhelper" >&2; exit 1; }
	rm -rf $(DEB_DIR)
	$(MKDIR_P) $(DEB_DIR)
	cp $(distdir).tar.xz $(DEB_DIR)/$(PACKAGE)_$(VERSION).orig.tar.xz
	xz -dc $(distdir).tar.xz | (cd $(DEB_DIR) && tar -xf -)
	cp -R $(DEB_SOURCE)/packaging/debian $(DEB_SOURCE)/debian
	@cd $(DEB_SOURCE) && version=`dpkg-parsechangelog -S Version` && \
	case $$version in \
	$(VERSION)-*) ;; \
	*) echo "debian/changelog is of $$version, not $(VERSION)" >&2; \
	   exit 1 ;; \
	esac
	cd $(DEB_SOURCE) && dpkg-buildpackage -us -uc
	@ls $(DEB_DIR)/*.deb

# Installs, starts, upgrades, removes and purges it in a Debian of its own
# below a scratch directory, with Postfix, Sendmail and systemd. Takes minutes,
# root and a Debian mirror: `make check` does without.
check-package: deb
	@$(srcdir)/tests/e2e/package $(DEB_DIR)/dane-sts-milter_*.deb

# README's commands on a fresh Debian: make check-release RELEASE=trixie. The
# root, what is downloaded and the logs lie in RELEASE_DIR; RELEASE_PARTS=demo
# runs that part alone, in a root that is there. An hour, root and a mirror.
RELEASE_DIR = build-check/releases
RELEASE_PARTS =

check-release:
	@test -n "$(RELEASE)" || \
	{ echo "usage: make check-release RELEASE=trixie" >&2; exit 64; }
	@$(srcdir)/tests/e2e/release --dir "$(RELEASE_DIR)" \
		$(RELEASE_PARTS:%=--parts=%) "$(RELEASE)"
