/* sim_stats.c - what a test may ask of the simulated modems. */
#include "ctl.h"
#include "sim.h"

static unsigned long left_in(const struct sim_world *world, unsigned first, unsigned end)
{
	unsigned long left = 0;

	for (unsigned i = first; i < end; i++)
		left += world->modems[i].card->sm.used + world->modems[i].me.used +
			world->modems[i].sr.used;
	return left;
}

static unsigned long left_aside(const struct sim_world *world, unsigned long *queued)
{
	unsigned long left = 0;

	for (const struct sim_card *card = world->cards; card; card = card->next) {
		*queued += card->queued;
		if (!card->holder)
			left += card->sm.used;
	}
	return left;
}

static void add_counts(struct sim_counts *sum, const struct sim_counts *c)
{
	sum->injected += c->injected;
	sum->direct += c->direct;
	sum->acks += c->acks;
	sum->acks_refused += c->acks_refused;
	sum->unacked += c->unacked;
	sum->shown_again += c->shown_again;
	sum->listed += c->listed;
	sum->deleted += c->deleted;
	sum->deleted_unlisted += c->deleted_unlisted;
	sum->deleted_empty += c->deleted_empty;
	sum->deleted_blanket += c->deleted_blanket;
	sum->commands += c->commands;
	sum->unknown += c->unknown;
	sum->lost_tx += c->lost_tx;
	sum->lost_rx += c->lost_rx;
	sum->ignored_rx += c->ignored_rx;
}

void sim_stats_run(struct sim_world *world, char *args, FILE *reply)
{
	struct sim_counts s = { 0 };
	unsigned first = 0, end = world->count;
	unsigned long left, queued = 0;
	char *word = ctl_word(&args);

	if (word && !sim_control_target(world, word, &first, &end)) {
		fputs("error no such modem", reply);
		return;
	}
	for (unsigned i = first; i < end; i++)
		add_counts(&s, &world->modems[i].counts);
	left = left_in(world, first, end);
	if (end - first == world->count)
		left += left_aside(world, &queued);
	else
		queued = world->modems[first].card->queued;
	fprintf(reply, "ok {\"modems\":%u,\"injected\":%llu,\"direct\":%llu,\"listed\":%llu,",
		end - first, (unsigned long long)s.injected, (unsigned long long)s.direct,
		(unsigned long long)s.listed);
	fprintf(reply, "\"acks\":%llu,\"acks_refused\":%llu,\"unacked\":%llu,\"shown_again\":%llu,",
		(unsigned long long)s.acks, (unsigned long long)s.acks_refused,
		(unsigned long long)s.unacked, (unsigned long long)s.shown_again);
	fprintf(reply, "\"deleted\":%llu,\"deleted_unlisted\":%llu,\"deleted_empty\":%llu,",
		(unsigned long long)s.deleted, (unsigned long long)s.deleted_unlisted,
		(unsigned long long)s.deleted_empty);
	fprintf(reply, "\"deleted_blanket\":%llu,\"remaining\":%lu,\"queued\":%lu,",
		(unsigned long long)s.deleted_blanket, left, queued);
	fprintf(reply,
		"\"commands\":%llu,\"unknown\":%llu,\"lost_tx\":%llu,\"lost_rx\":%llu,"
		"\"ignored_rx\":%llu}",
		(unsigned long long)s.commands, (unsigned long long)s.unknown,
		(unsigned long long)s.lost_tx, (unsigned long long)s.lost_rx,
		(unsigned long long)s.ignored_rx);
}

void sim_stats_cards(const struct sim_world *world, FILE *reply)
{
	fputs("ok [", reply);
	for (unsigned i = 0; i < world->count; i++) {
		const struct sim_modem *m = &world->modems[i];
		fprintf(reply, "%s{\"name\":\"%s\",\"imei\":\"%s\",\"iccid\":\"%s\",", i ? "," : "",
			m->name, m->imei, m->card->iccid);
		fprintf(reply,
			"\"imsi\":\"%s\",\"number\":\"%s\",\"pin_wrong\":%u,\"in\":%s,\"plugged\":%"
			"s,",
			m->card->imsi, m->card->number, m->card->pin_wrong,
			m->sim_in ? "true" : "false", m->plugged ? "true" : "false");
		fprintf(reply, "\"family\":\"%s\",\"tty\":\"m%03u\"}", m->profile->name, m->tty);
	}
	fputc(']', reply);
}

unsigned long sim_stats_left(const struct sim_world *world)
{
	unsigned long queued = 0;

	return left_in(world, 0, world->count) + left_aside(world, &queued);
}
