/* log_fixture.h - what is logged, kept for a test to look at. */
#ifndef SIMGATE_TESTS_LOG_FIXTURE_H
#define SIMGATE_TESTS_LOG_FIXTURE_H

#include "base/log.h"
#include "unit.h"

extern char log_text[1 << 20]; /* the lines since log_keep(); what has no room is left out */

/* The log's sink from here on. With $SIMGATE_TEST_LOG the lines go to standard error, too. */
void log_keep(void);
void log_forget(void);

/* How often part stands in it. */
size_t logged(const char *part);

#endif
