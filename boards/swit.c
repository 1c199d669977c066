/* swit.c - SIM banks with a control line per eight columns: AT+SWITcc-rrrr. As two other programs
 * drive them. AT+NEXT00 and AT+SWIT00-0000 move the cards of all columns at once: never sent. */
#include <stdio.h>

#include "modem/board.h"

extern const struct board board_swit;

static void put(int column, int row, char *out, size_t size)
{
	snprintf(out, size, "AT+SWIT%02d-%04d", column, row);
}

static const struct board_select select_sim = {
	.baud = 115200,
	.columns = 8,
	.rows_max = 128,
	.ready = "AT+CWSIM",
	.ok = "OK",
	.put = put,
	.answer_ms = 3000,
	.gap_ms = 1000,
	.tries = 4,
	.again_ms = 5000,
	.wait_ms = 8000,
	.stagger_ms = 3000,
	.card_ms = 120000,
};

const struct board board_swit = {
	.name = "swit",
	.about = "SIM banks that switch cards: a control line per eight columns (AT+SWITcc-rrrr)",
	.timing = { .off_ms = 5000 }, /* its modules are found as those of usb, and reset alike */
	.reset = board_usb_reset,
	.power = board_port_power,
	.select_sim = &select_sim,
};
