/* loop_fixture.h - waiting, in real time, for what other threads and the kernel do. */
#ifndef SIMGATE_TESTS_LOOP_FIXTURE_H
#define SIMGATE_TESTS_LOOP_FIXTURE_H

#include "base/loop.h"
#include "unit.h"

enum { TURNS_MAX = 200, TURN_MS = 50 };

/* Turns of the test's `loop` until cond holds, which it has to. */
#define WAIT_FOR(cond) \
	do { \
		for (int turn_ = 0; turn_ < TURNS_MAX && !(cond); turn_++) \
			loop_turn(loop, TURN_MS); \
		assert_true(cond); \
	} while (0)

#endif
