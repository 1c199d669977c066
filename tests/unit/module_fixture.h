/* module_fixture.h - the module's end of a line, for tests of the gateway: what a SIM800 says. */
#ifndef SIMGATE_TESTS_MODULE_FIXTURE_H
#define SIMGATE_TESTS_MODULE_FIXTURE_H

#include <stdbool.h>

#include "modem/modem.h"
#include "unit.h"

enum { MODULE_TEXT = 400 };

/* Bytes as they come; a command is at its end with its CR. */
struct module_line {
	char text[256];
	size_t len;
};

/* The command that this byte ends; NULL: none. */
const char *module_take(struct module_line *line, char byte);

/* A line, or several. */
void module_say(int fd, const char *text);

/* To a command, its final result included. imei_end: the IMEI's last digit; card: 0 to 99. */
void module_answer(const char *command, int imei_end, int card, char text[MODULE_TEXT]);

/* Whether the modem's last line is a command that it has sent within the last so many
 * milliseconds: it, or the answer to it, may be on its way. */
bool module_is_asked(const struct modem *modem, int64_t within_ms);

#endif
