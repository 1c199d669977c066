/* fsm.h - a state machine whose states, edges and time limits are one table. */
#ifndef SIMGATE_BASE_FSM_H
#define SIMGATE_BASE_FSM_H

#include "base/log.h"
#include "base/loop.h"

struct fsm;

enum { FSM_QUEUE_MAX = 16, FSM_TIMEOUT = 31 /* the event that a state's time limit posts */ };

#define FSM_BIT(n) (UINT32_C(1) << (n))

/* A row. Events a state does not accept are dropped (debug line); an edge that is not listed is
 * refused (error line) and the state stays. */
struct fsm_state {
	const char *name;
	uint32_t accepts;   /* FSM_BIT(event) | ...; FSM_TIMEOUT needs no mention */
	uint32_t edges;     /* FSM_BIT(state) | ... */
	int64_t timeout_ms; /* 0: none. The enter function may set another by fsm_set_timeout() */
	void (*enter)(struct fsm *fsm);
	void (*event)(struct fsm *fsm, int event, int value);
	void (*leave)(struct fsm *fsm);
};

struct fsm_spec {
	enum log_cat cat;
	const struct fsm_state *states;
	/* Called after each change, once the new state's enter function has run. May be NULL. */
	void (*changed)(struct fsm *fsm, int from, const char *why);
};

struct fsm_event {
	int event;
	int value;
};

/* Embedded in its owner; object is the owner's name in the log and stays the owner's. */
struct fsm {
	const struct fsm_spec *spec;
	const char *object;
	void *owner;
	struct loop *loop;
	int state;
	int64_t since_ms; /* monotonic, of the last change */
	int64_t since_wall_ms;
	char why[96];
	struct loop_timer timer;
	struct fsm_event queue[FSM_QUEUE_MAX];
	unsigned head, count;
	unsigned dropped; /* events refused: queue full or not accepted */
	bool busy;
};

/* Starts in state `first` without calling its enter function. */
void fsm_init(struct fsm *fsm, const struct fsm_spec *spec, struct loop *loop, const char *object,
	void *owner, int first);
void fsm_done(struct fsm *fsm);

/* Handles the event now, or after the one that is being handled. */
void fsm_post(struct fsm *fsm, int event, int value);

/* The only way to change state: logs "from -> to because why". Staying in the same state is an edge
 * like any other. 0, or -EPERM when the table does not list the edge. */
int fsm_go(struct fsm *fsm, int to, const char *why, ...) __attribute__((format(printf, 3, 4)));

void fsm_set_timeout(struct fsm *fsm, int64_t timeout_ms);
const char *fsm_state_name(const struct fsm *fsm);

#endif
