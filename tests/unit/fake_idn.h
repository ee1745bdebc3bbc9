/*
 * A conversion of U-labels that knows three names, so that the tests of core/
 * link no ICU. Any thread. The result may end in a dot, as ICU's may.
 */
#ifndef TESTS_FAKE_IDN_H
#define TESTS_FAKE_IDN_H

#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

#define UE  "\xc3\xbc"
#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"

/* 0 or ERR_SYNTAX. */
int fake_idn(const uint8_t *utf8, size_t len, char out[NAME_SIZE]);

#endif
