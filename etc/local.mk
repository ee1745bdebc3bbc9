# What watches the daemon and keeps its log: examples, installed beside the
# documentation; each says where it goes.
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/grafana-dashboard.json etc/journald.conf \
	etc/logrotate.conf etc/prometheus-rules.yml etc/rsyslog.conf
