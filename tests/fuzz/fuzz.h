/*
 * What the fuzz targets share. A target is a file fuzz_NAME.c with the
 * function below: it gives any octets to a reader of the project and asserts
 * what must hold whatever they are.
 *
 * Linked with libFuzzer (make fuzz) a target makes up its inputs; linked with
 * replay.c (make check) it is run on those of tests/fuzz/corpus/NAME.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline _Noreturn void
fuzz_fail(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* An assertion in every kind of build. */
#define MUST(what) ((what) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #what))

#endif
