/*
 * The DNS world of tests/lab/world.py for a test program: one for the run,
 * gone with it, however it ends.
 */
#ifndef TESTS_LAB_WORLD_H
#define TESTS_LAB_WORLD_H

/*
 * Starts a world, unless DANE_STS_LAB names one; sets DANE_STS_LAB for child
 * processes. Call it first in main(). Ends the program on failure.
 */
void lab_start(void);
/* Stops what lab_start started and waits for its end. */
void lab_stop(void);

/* A value of world.py's info: "forwarder", "trust_anchor" ... Static memory,
 * until the next call. Ends the program if there is none. */
const char *lab_info(const char *key);

#endif
