/* test_inbox.c - from an entry of a listing to the store, where the store fails in between. */
#include "store_fixture.h"

#include <stdio.h>

#include "modem/inbox.h"
#include "sms_fixture.h"

static bool join_fails; /* once */
static int stored_texts, done_calls, done_err;

static size_t on_route(void *arg, const char *bank, bool attributed, struct store_route *out)
{
	(void)arg, (void)bank, (void)attributed;
	out[0] = push;
	return 1;
}

/* What completes a set is told here just before the set is joined. */
static void on_text_stored(void *arg, const struct store_sms_result *result)
{
	(void)arg;
	stored_texts += result->message_id[0] != '\0';
	if (!result->set_id || !join_fails)
		return;
	join_fails = false;
	atomic_store(&faults.kind, FAULT_BEFORE);
	atomic_store(&faults.fail_at, atomic_load(&faults.steps) + 1);
}

static void on_done(void *owner, int err, bool same_entry)
{
	(void)owner, (void)same_entry;
	done_calls++;
	done_err = err;
}

static void put_text_part(struct inbox *inbox, int seq, const char *units)
{
	const uint8_t header[] = { 5, 0, 3, 7, 2, (uint8_t)seq };
	struct inbox_entry entry = { .port_id = "north/p01",
		.bank = "north",
		.slot = "p01",
		.key = CARD,
		.card_id = CARD,
		.memory = "SM",
		.index = seq,
		.tpdu_len = -1 };
	struct ud ud;
	char hex[640];

	ud_begin(&ud, header, sizeof header);
	ud_octets(&ud, units, 2);
	deliver_write(&ud, 8, hex, sizeof hex);
	entry.pdu = hex;
	inbox_put(inbox, &entry, on_done, NULL);
}

/* Its parts are deleted from the card by then: no listing brings it back. */
static void join_is_tried_again(void **state)
{
	static const struct inbox_host host = { on_route, on_text_stored };
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &host, NULL);

	join_fails = true;
	put_text_part(inbox, 1, "\0a");
	fx_wait(fx);
	put_text_part(inbox, 2, "\0b");
	fx_wait(fx);
	assert_int_equal(done_calls, 2);
	assert_int_equal(done_err, 0);
	assert_int_equal(atomic_load(&faults.fired), 1);
	assert_int_equal(stored_texts, 0);
	assert_int_equal(totals(fx).totals.sets_open, 1);

	loop_advance(fx->loop, 60000);
	fx_wait(fx);
	fx_wait(fx);
	assert_int_equal(stored_texts, 1);
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_int_equal(totals(fx).totals.messages, 1);

	loop_advance(fx->loop, 60000);
	fx_wait(fx);
	assert_int_equal(totals(fx).totals.messages, 1);
	inbox_free(inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(join_is_tried_again, fx_setup, fx_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
