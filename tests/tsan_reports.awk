# Without the data races in which both threads are in libmilter's own code: when
# it stops, its pool's controller destroys a mutex that its workers still take.
# A suppression would hide what happens in callbacks, too, as libmilter calls
# those. Everything else is printed as it is.

/^WARNING: ThreadSanitizer: data race/ {
	report = ""
	inside = 1
	in_stacks = 1 # of the two accesses
	others = 0    # frames in those that are not libmilter's
}

inside {
	report = report $0 "\n"
	if (/^  (Location|Thread|Mutex|As if|Hint)/)
		in_stacks = 0
	if (in_stacks && /^    (#[0-9]+ |\[failed)/ &&
	    !/\((libmilter|libtsan)\.so[^)]*\)/)
		others = 1
	if (/^SUMMARY:/) {
		if (others)
			printf "%s", report
		inside = 0
	}
	next
}

!/^=+$/ { print }

END {
	if (inside)
		printf "%s", report
}
