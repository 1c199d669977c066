/* loop_fixture.h - waiting, in real time, for what other threads and the kernel do. */
#ifndef SIMGATE_TESTS_LOOP_FIXTURE_H
#define SIMGATE_TESTS_LOOP_FIXTURE_H

#include <time.h>

#include "base/loop.h"
#include "unit.h"

enum { WAIT_MAX_S = 60 /* for hangs alone: the machine may be busy */, WAIT_TURN_MS = 10 };

/* Turns of the loop until cond holds. */
#define TURN_UNTIL(loop, cond) \
	do { \
		time_t end_ = time(NULL) + WAIT_MAX_S; \
		while (!(cond) && time(NULL) < end_) \
			loop_turn(loop, WAIT_TURN_MS); \
	} while (0)

/* The same; it has to. */
#define WAIT_FOR(loop, cond) \
	do { \
		TURN_UNTIL(loop, cond); \
		assert_true(cond); \
	} while (0)

#endif
