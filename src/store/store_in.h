/* store_in.h - inside the store: what store_in.c and store_sets.c share. */
#ifndef SIMGATE_STORE_STORE_IN_H
#define SIMGATE_STORE_STORE_IN_H

#include "store/store_impl.h"

/* A text that arrives, or a set that becomes one. */
struct sms_job {
	struct store_job job;
	struct store_sms sms;
	struct store_message message;
	struct store_part part;
	int64_t now_ms;
	const char *number, *open_number; /* the card's; of the operation open on it, "" none */
	char pdu_id[STORE_ID_SIZE], message_id[STORE_ID_SIZE];
	char set_id[STORE_ID_SIZE]; /* of a new set, or the one to join */
};

/* On the loop. The message is given its id. */
struct sms_job *sms_job_new(
	struct store *store, const struct store_verb *verb, store_sms_fn *done, void *arg);
void sms_job_message(struct sms_job *call, const struct store_message *message,
	const struct store_route *routes, size_t route_count);
void sms_job_finish(struct store_job *job);

/* On the store's thread: 0 or a negative errno. The result is the job's. sms_open() comes before
 * anything is written, with the first columns of STMT_NUMBER_OF, NULL: it found none. 1 if the
 * routes were made for another operation than is open, which the result then says. */
struct store_sms_result *sms_result_new(struct store_job *job);
int sms_open(
	struct sms_job *call, const struct backend_value *row, struct store_sms_result *result);
int sms_message_add(struct sms_job *call, struct store_sms_result *result);
int sms_part_add(struct sms_job *call, struct store_sms_result *result);

#endif
