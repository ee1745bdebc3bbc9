/* engine/recent.h: S-05. */
#include "autoconf.h"

#include <criterion/criterion.h>

#include "engine/recent.h"

#define MONO_MS 5000000u
#define WALL_S  1790000000

static struct wall
wall(void)
{
	struct wall w;

	wall_init(&w, MONO_MS, WALL_S);
	return w;
}

Test(wall, S_05_set_back_is_seen_once)
{
	struct wall w = wall();

	cr_expect(!wall_set_back(&w, MONO_MS + 60000, WALL_S + 60));
	cr_expect(wall_set_back(&w, MONO_MS + 61000, WALL_S + 61 - 3600));
	cr_expect(!wall_set_back(&w, MONO_MS + 62000, WALL_S + 62 - 3600));
	cr_expect(wall_set_back(&w, MONO_MS + 63000, WALL_S + 63 - 7200));
}

/* A cache filled while the clock was ahead is what it is about. */
Test(wall, S_05_set_forward_and_back_again)
{
	struct wall w = wall();

	cr_expect(!wall_set_back(&w, MONO_MS, WALL_S + 86400));
	cr_expect(wall_set_back(&w, MONO_MS, WALL_S));
}

/* Both clocks are read in turn, and rounded. */
Test(wall, a_moment_is_no_matter)
{
	struct wall w = wall();

	cr_expect(!wall_set_back(&w, MONO_MS + 999, WALL_S));
	cr_expect(!wall_set_back(&w, MONO_MS, WALL_S - WALL_BACK_S + 1));
	cr_expect(wall_set_back(&w, MONO_MS, WALL_S - WALL_BACK_S));
}
