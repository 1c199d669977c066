/* store_own.h - inside the store: what one is made of, for its thread, its loop and its opening. */
#ifndef SIMGATE_STORE_STORE_OWN_H
#define SIMGATE_STORE_STORE_OWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/store_impl.h"

struct job_list {
	struct store_job *first;
	struct store_job **end; /* where the next one is hung */
};

struct store {
	struct store_db db;
	struct backend_config how; /* to open it by; its strings are the store's own */
	struct loop *loop;
	struct loop_wake *wake;
	char *host_id;
	bool shared;
	char token[STORE_TOKEN_SIZE];
	struct store_instance *instance;
	int64_t stale_ms, began_ms;
	struct journal *journal;  /* NULL: none */
	bool in_order;            /* texts that fail hold up those behind them */
	atomic_uint hold;         /* jobs with these traits fail unrun */
	_Atomic int64_t heard_us; /* when the server last said something, by loop_fresh_us() */
	pthread_t thread;
	bool thread_up;

	/* What both threads touch. */
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct job_list queued, completed;
	struct job_list moves; /* queued as well, for when there is time */
	bool move_first;       /* of the next batch */
	bool stopping;

	/* The loop's thread only. */
	struct job_list refused;
	size_t pending, refused_count;
	int health;
	struct histogram commit_times;
	void (*pool_changed)(void *arg);
	void *pool_arg;
	uint64_t id_ms;
	unsigned id_seq;
	struct store_presence presence;

	/* As of the opening. */
	uint64_t last_id_ms;
	unsigned last_id_seq;
	int64_t waiting, oldest_ms;
	struct store_entered entered;
};

/* The thread of the store that arg is: until it is told to stop and nothing waits. */
void *store_main(void *arg);

/* The loop's side of it: jobs that have come to their end. */
void store_on_wake(void *arg);

/* On the store's thread, or before there is one. */
int store_open_database(struct store *store, char *why, size_t why_size);

static inline void list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static inline void list_add(struct job_list *list, struct store_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static inline struct store_job *list_take(struct job_list *list)
{
	struct store_job *job = list->first;
	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	return job;
}

static inline void list_move(struct job_list *from, struct job_list *to, size_t max)
{
	struct store_job *job;
	while (max-- > 0 && (job = list_take(from)))
		list_add(to, job);
}

static inline void list_free(struct job_list *list)
{
	struct store_job *job;
	while ((job = list_take(list)))
		store_job_free(job);
}

#endif
