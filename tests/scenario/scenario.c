/*
 * Runs scenarios by name; `-l` lists them. A plain program, so that it runs
 * under every sanitizer and under valgrind.
 */
#include "autoconf.h"

#include <string.h>

#include "world.h"

/* Without arguments all; -l lists; else those named. */
static int
run(const struct scenario *scenarios, int argc, char **argv)
{
	bool list = argc == 2 && strcmp(argv[1], "-l") == 0;
	int n = 0;

	for (; scenarios->name != NULL; scenarios++) {
		bool wanted = argc == 1;

		for (int i = 1; i < argc; i++)
			wanted |= strcmp(argv[i], scenarios->name) == 0;
		if (list)
			(void)puts(scenarios->name);
		if (list || !wanted)
			continue;
		world_reset();
		scenarios->run();
		script_reset();
		n++;
	}
	return list ? 1 : n;
}

int
main(int argc, char **argv)
{
	int n = run(discovery_scenarios, argc, argv) +
	    run(policy_scenarios, argc, argv) +
	    run(delivery_scenarios, argc, argv) +
	    run(engine_scenarios, argc, argv) +
	    run(refresh_scenarios, argc, argv) +
	    run(tls_scenarios, argc, argv) + run(report_scenarios, argc, argv) +
	    run(crowd_scenarios, argc, argv) +
	    run(memory_scenarios, argc, argv) + run(pins_scenarios, argc, argv);

	if (n == 0)
		(void)fprintf(stderr, "no such scenario\n");
	return n > 0 ? 0 : 64;
}
