/* unit.h - what every unit test includes: cmocka with what it needs before it. */
#ifndef SIMGATE_TESTS_UNIT_H
#define SIMGATE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
