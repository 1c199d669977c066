/* sim_direct.c - texts that the simulated modem shows and does not store, and their AT+CNMA. */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ACK_MS = 10000 /* how long the network waits where no fault says otherwise */ };

static int64_t ack_us(const struct sim_modem *modem)
{
	return 1000 * (int64_t)(modem->faults.ack_ms ? modem->faults.ack_ms : ACK_MS);
}

/* One text at a time: the next comes when this one is acknowledged (3GPP TS 27.005 3.4.4). */
static void show(struct sim_modem *modem, struct sim_text *text)
{
	static const char *const headers[] = {
		[SIM_AS_CMT] = "+CMT: ,", [SIM_AS_CDS] = "+CDS: ", [SIM_AS_CBM] = "+CBM: "
	};

	sim_code(modem, "%s%zu\r\n%s", headers[text->as], text->tpdu_len, text->hex);
	if (text->shown)
		modem->counts.shown_again++;
	else
		modem->counts.direct++;
	text->shown = true;
	if (modem->set.csms == 0 || text->as == SIM_AS_CBM) {
		free(text);
		return;
	}
	modem->direct.waiting = text;
	modem->direct.due_us = sim_now_us() + ack_us(modem);
	sim_modem_activate(modem);
}

/* What came before is shown again where texts are shown at all: +CNMI's mt is not 0. */
static bool may_show(const struct sim_modem *modem, const struct sim_text *text, int64_t now_us)
{
	return modem->plugged &&
	       (!text->shown || (modem->set.cnmi[1] > 0 && now_us >= modem->direct.again_us));
}

void sim_direct_pump(struct sim_modem *modem)
{
	struct sim_direct *direct = &modem->direct;
	int64_t now_us = sim_now_us();

	while (direct->queue && !direct->waiting && may_show(modem, direct->queue, now_us)) {
		struct sim_text *text = direct->queue;
		direct->queue = text->next;
		text->next = NULL;
		show(modem, text);
	}
	if (direct->queue && modem->plugged)
		sim_modem_activate(modem);
}

bool sim_direct_offer(struct sim_modem *modem, struct sim_text *text)
{
	if (modem->direct.waiting || modem->direct.queue)
		return false;
	text->as = SIM_AS_CMT;
	show(modem, text);
	return true;
}

int sim_direct_put(struct sim_modem *modem, const struct sim_pdu *pdu, enum sim_as as)
{
	struct sim_text *text = sim_text_new(pdu), **at = &modem->direct.queue;

	if (!text)
		return -ENOMEM;
	text->as = as;
	while (*at)
		at = &(*at)->next;
	*at = text;
	modem->counts.injected++;
	sim_direct_pump(modem);
	return 0;
}

bool sim_direct_ack(struct sim_modem *modem)
{
	if (!modem->direct.waiting)
		return false;
	free(modem->direct.waiting);
	modem->direct.waiting = NULL;
	modem->counts.acks++;
	return true;
}

void sim_direct_lost(struct sim_modem *modem)
{
	struct sim_direct *direct = &modem->direct;

	if (!direct->waiting)
		return;
	direct->waiting->next = direct->queue;
	direct->queue = direct->waiting;
	direct->waiting = NULL;
	direct->again_us = sim_now_us() + ack_us(modem);
	modem->counts.unacked++;
}

/* Nobody said a word: the network has it again, and nothing is routed any more (27.005 3.4.1). */
int64_t sim_direct_turn(struct sim_modem *modem, int64_t now_us)
{
	struct sim_direct *direct = &modem->direct;

	if (direct->waiting && now_us >= direct->due_us) {
		sim_direct_lost(modem);
		modem->set.cnmi[1] = modem->set.cnmi[3] = 0;
	}
	if (direct->waiting)
		return direct->due_us - now_us;
	if (!direct->queue || !modem->plugged)
		return -1;
	if (may_show(modem, direct->queue, now_us))
		sim_direct_pump(modem);
	if (direct->waiting)
		return direct->due_us - now_us;
	return now_us < direct->again_us ? direct->again_us - now_us : -1;
}

void sim_direct_done(struct sim_modem *modem)
{
	struct sim_direct *direct = &modem->direct;

	free(direct->waiting);
	while (direct->queue) {
		struct sim_text *text = direct->queue;
		direct->queue = text->next;
		free(text);
	}
	direct->waiting = NULL;
}
