/* fsm.c - events in turn, edges from the table, one place where states change. */
#include "base/fsm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void on_timeout(void *arg)
{
	fsm_post(arg, FSM_TIMEOUT, 0);
}

void fsm_init(struct fsm *fsm, const struct fsm_spec *spec, struct loop *loop, const char *object,
	void *owner, int first)
{
	*fsm = (struct fsm) { .spec = spec, .object = object, .owner = owner, .loop = loop };
	fsm->state = first;
	fsm->since_ms = loop_now_ms(loop);
	fsm->since_wall_ms = loop_wall_ms(loop);
	loop_timer_init_patient(&fsm->timer, loop, on_timeout, fsm);
}

void fsm_done(struct fsm *fsm)
{
	if (fsm->timer.loop)
		loop_timer_stop(&fsm->timer);
	fsm->count = 0;
}

static void handle(struct fsm *fsm, struct fsm_event next)
{
	const struct fsm_state *state = &fsm->spec->states[fsm->state];

	if (next.event != FSM_TIMEOUT && !(state->accepts & FSM_BIT(next.event))) {
		fsm->dropped++;
		log_debug(fsm->spec->cat, fsm->object, NULL, NULL, "event %d means nothing in %s",
			next.event, state->name);
		return;
	}
	if (state->event)
		state->event(fsm, next.event, next.value);
}

void fsm_post(struct fsm *fsm, int event, int value)
{
	if (fsm->count == FSM_QUEUE_MAX) {
		fsm->dropped++;
		log_error(fsm->spec->cat, fsm->object, NULL, NULL, "event %d dropped: queue full",
			event);
		return;
	}
	fsm->queue[(fsm->head + fsm->count++) % FSM_QUEUE_MAX] =
		(struct fsm_event) { event, value };
	if (fsm->busy)
		return;
	fsm->busy = true;
	while (fsm->count > 0) {
		struct fsm_event next = fsm->queue[fsm->head];
		fsm->head = (fsm->head + 1) % FSM_QUEUE_MAX;
		fsm->count--;
		handle(fsm, next);
	}
	fsm->busy = false;
}

int fsm_go(struct fsm *fsm, int to, const char *why, ...)
{
	const struct fsm_state *from = &fsm->spec->states[fsm->state];
	const struct fsm_state *next = &fsm->spec->states[to];
	int was = fsm->state;
	va_list args;

	if (!(from->edges & FSM_BIT(to))) {
		log_error(fsm->spec->cat, fsm->object, NULL, NULL, "no way from %s to %s",
			from->name, next->name);
		return -EPERM;
	}
	va_start(args, why);
	vsnprintf(fsm->why, sizeof fsm->why, why, args);
	va_end(args);
	loop_timer_stop(&fsm->timer);
	if (from->leave)
		from->leave(fsm);
	fsm->state = to;
	fsm->since_ms = loop_now_ms(fsm->loop);
	fsm->since_wall_ms = loop_wall_ms(fsm->loop);
	log_info(fsm->spec->cat, fsm->object, "state",
		LOG_FIELDS(LOG_STR("from", from->name), LOG_STR("to", next->name),
			LOG_STR("reason", fsm->why)),
		"%s -> %s: %s", from->name, next->name, fsm->why);
	fsm_set_timeout(fsm, next->timeout_ms);
	if (next->enter)
		next->enter(fsm);
	if (fsm->spec->changed)
		fsm->spec->changed(fsm, was, fsm->why);
	return 0;
}

void fsm_set_timeout(struct fsm *fsm, int64_t timeout_ms)
{
	if (timeout_ms > 0)
		loop_timer_start(&fsm->timer, timeout_ms);
	else
		loop_timer_stop(&fsm->timer);
}

const char *fsm_state_name(const struct fsm *fsm)
{
	return fsm->spec->states[fsm->state].name;
}
