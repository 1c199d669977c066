/* module_fixture.c - the module's end of a line, for tests of the gateway: what a SIM800 says. */
#include "module_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"

const char *module_take(struct module_line *line, char byte)
{
	if (byte != '\r') {
		line->text[line->len++ % (sizeof line->text - 1)] = byte;
		return NULL;
	}
	line->text[line->len % sizeof line->text] = '\0';
	line->len = 0;
	return line->text;
}

void module_say(int fd, const char *text)
{
	char out[MODULE_TEXT + 8];
	int len = snprintf(out, sizeof out, "\r\n%s\r\n", text);

	assert_int_equal(write(fd, out, (size_t)len), len);
}

void module_answer(const char *command, int imei_end, int card, char text[MODULE_TEXT])
{
	strcpy(text, "OK");
	if (strcmp(command, "AT+CGMM") == 0)
		strcpy(text, "SIMCOM_SIM800L\r\nOK");
	else if (strcmp(command, "AT+CGSN") == 0)
		snprintf(text, MODULE_TEXT, "49015420323751%d\r\nOK", imei_end);
	else if (strcmp(command, "AT+CCID") == 0)
		snprintf(text, MODULE_TEXT, "894600000000000000%02d\r\nOK", card);
	else if (strcmp(command, "AT+CIMI") == 0)
		snprintf(text, MODULE_TEXT, "2400100000000%02d\r\nOK", card);
	else if (strcmp(command, "AT+CPIN?") == 0)
		strcpy(text, "+CPIN: READY\r\nOK");
	else if (strcmp(command, "AT+CPMS=?") == 0)
		strcpy(text, "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\r\nOK");
	else if (strcmp(command, "AT+CREG?") == 0)
		strcpy(text, "+CREG: 1,1\r\nOK");
}

bool module_is_asked(const struct modem *modem, int64_t within_ms)
{
	const struct at *at = &modem->at;
	const struct at_ring_line *last =
		&at->ring[(at->ring_next + AT_RING_LINES - 1) % AT_RING_LINES];

	return last->dir == '>' && last->wall_ms + within_ms > loop_wall_ms(at->loop);
}
