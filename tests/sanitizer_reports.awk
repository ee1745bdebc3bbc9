# Prints a sanitizer's report without what is in a library's own code alone. A
# suppression would hide what happens in our functions, too, as these libraries
# call them.
#
# ThreadSanitizer: data races in which both threads are in libmilter. When it
# stops, its pool's controller destroys a mutex that its workers still take.
#
# LeakSanitizer: leaks of Criterion. Its runner now and then ends before it has
# freed what it knows of its test processes.

function begin() {
	print_cut_off()
	report = ""
	inside = 1
	others = 0 # frames that are not the library's
}

function print_report() {
	if (inside && others)
		printf "%s", report
	inside = 0
}

# Whose a report without an end is is not known.
function print_cut_off() {
	others = 1
	print_report()
}

/^WARNING: ThreadSanitizer: data race/ {
	begin()
	library = "\\((libmilter|libtsan)\\.so[^)]*\\)"
	in_stacks = 1 # of the two accesses
}

/ERROR: LeakSanitizer: detected memory leaks/ {
	begin()
	library = "__interceptor_|/lib(criterion|boxfort)\\.so[^)]*\\)"
	in_stacks = 1
}

inside {
	report = report $0 "\n"
	if (/^  (Location|Thread|Mutex|As if|Hint)/)
		in_stacks = 0
	if (in_stacks && /^    (#[0-9]+ |\[failed)/ && $0 !~ library)
		others = 1
	if (/^SUMMARY:/)
		print_report()
	next
}

!/^=+$/ { print }

END {
	print_cut_off()
}
