/* Every scenario as a test of its own. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "world.h"

/* Tests run in a process of their own, to which no pointer can be handed on:
 * the parameter is the place in the table. */
#define PLACES_MAX 128

static struct criterion_test_params
places(const struct scenario *scenarios)
{
	static size_t place[PLACES_MAX];
	size_t n = 0;

	for (; scenarios[n].name != NULL; n++) {
		cr_assert_lt(n, PLACES_MAX);
		place[n] = n;
	}
	return cr_make_param_array(size_t, place, n);
}

/* A CHECK that fails ends the process with 1, which is a failed test. */
static void
run(const struct scenario *scenario)
{
	(void)fprintf(stderr, "scenario %s\n", scenario->name);
	world_reset();
	scenario->run();
	script_reset();
}

ParameterizedTestParameters(scenario, discovery)
{
	return places(discovery_scenarios);
}

ParameterizedTest(size_t *place, scenario, discovery)
{
	run(&discovery_scenarios[*place]);
}

ParameterizedTestParameters(scenario, policy)
{
	return places(policy_scenarios);
}

ParameterizedTest(size_t *place, scenario, policy)
{
	run(&policy_scenarios[*place]);
}

ParameterizedTestParameters(scenario, delivery)
{
	return places(delivery_scenarios);
}

ParameterizedTest(size_t *place, scenario, delivery)
{
	run(&delivery_scenarios[*place]);
}

ParameterizedTestParameters(scenario, engine)
{
	return places(engine_scenarios);
}

ParameterizedTest(size_t *place, scenario, engine)
{
	run(&engine_scenarios[*place]);
}

ParameterizedTestParameters(scenario, refresh)
{
	return places(refresh_scenarios);
}

ParameterizedTest(size_t *place, scenario, refresh)
{
	run(&refresh_scenarios[*place]);
}

ParameterizedTestParameters(scenario, tls)
{
	return places(tls_scenarios);
}

ParameterizedTest(size_t *place, scenario, tls)
{
	run(&tls_scenarios[*place]);
}

ParameterizedTestParameters(scenario, report)
{
	return places(report_scenarios);
}

ParameterizedTest(size_t *place, scenario, report)
{
	run(&report_scenarios[*place]);
}

ParameterizedTestParameters(scenario, crowd)
{
	return places(crowd_scenarios);
}

ParameterizedTest(size_t *place, scenario, crowd)
{
	run(&crowd_scenarios[*place]);
}

ParameterizedTestParameters(scenario, memory)
{
	return places(memory_scenarios);
}

ParameterizedTest(size_t *place, scenario, memory)
{
	run(&memory_scenarios[*place]);
}

ParameterizedTestParameters(scenario, pins)
{
	return places(pins_scenarios);
}

ParameterizedTest(size_t *place, scenario, pins)
{
	run(&pins_scenarios[*place]);
}

ParameterizedTestParameters(scenario, failures)
{
	return places(failure_scenarios);
}

ParameterizedTest(size_t *place, scenario, failures)
{
	run(&failure_scenarios[*place]);
}
