/* test_modem.c - modems by transcript, and what they may do with texts and cards. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counter.h"
#include "log_fixture.h"
#include "modem_fixture.h"

/* ---- what must hold ------------------------------------------------------------------------- */

static int64_t messages, undecodable, held;

static void on_totals(void *arg, int err, const struct store_totals *totals)
{
	(void)arg;
	assert_int_equal(err, 0);
	messages = totals->messages;
	undecodable = totals->undecodable + totals->no_text; /* what is kept raw */
	held = totals->platform_count ? totals->platforms[0].states[STORE_HELD] : 0;
}

static void on_listed(void *arg, int err, int64_t count)
{
	assert_int_equal(err, 0);
	*(int64_t *)arg = count;
}

static void look(void)
{
	store_totals(bench->store, loop_wall_ms(bench->loop), on_totals, NULL);
	settle();
}

/* Entries the store holds as not yet deleted: asking marks them, so it is asked last. */
static int64_t entries_left(void)
{
	int64_t count = -1;

	store_entries_listed(bench->store, bench->modem->card_id, "SM", NULL, 0, on_listed, &count);
	settle();
	return count;
}

/* That are to be deleted. */
static size_t entries_there(void)
{
	const struct modem_sms *sms = &bench->modem->sms;
	size_t count = 0;

	for (size_t i = 0; i < sms->count; i++)
		count += !sms->entries[i]->deleted;
	return count;
}

static void expect(const char *words, const char *where)
{
	char word[32] = "", value[64] = "";
	const struct modem *modem = bench->modem;
	char got[64];

	sscanf(words, "%31s %63[^\n]", word, value);
	look();
	if (strcmp(word, "state") == 0)
		snprintf(got, sizeof got, "%s", modem_state_name(modem));
	else if (strcmp(word, "online") == 0)
		snprintf(got, sizeof got, "%s", modem->online ? "yes" : "no");
	else if (strcmp(word, "why") == 0)
		snprintf(got, sizeof got, "%.63s", modem->fsm.why);
	else if (strcmp(word, "number") == 0)
		snprintf(got, sizeof got, "%s", modem->number);
	else if (strcmp(word, "iccid") == 0)
		snprintf(got, sizeof got, "%s", modem->iccid);
	else if (strcmp(word, "driver") == 0)
		snprintf(got, sizeof got, "%s", modem->driver ? modem->driver->name : "");
	else if (strcmp(word, "registration") == 0)
		snprintf(got, sizeof got, "%s", modem_reg_name(modem->reg));
	else if (strcmp(word, "messages") == 0)
		snprintf(got, sizeof got, "%lld", (long long)messages);
	else if (strcmp(word, "undecodable") == 0)
		snprintf(got, sizeof got, "%lld", (long long)undecodable);
	else if (strcmp(word, "held") == 0)
		snprintf(got, sizeof got, "%lld", (long long)held);
	else if (strcmp(word, "entries") == 0)
		snprintf(got, sizeof got, "%zu", entries_there());
	else
		fail_msg("%s: no such expectation: %s", where, word);
	if (strcmp(got, value) != 0)
		fail_msg("%s: %s is %s, not %s", where, word, got, value);
}

/* ---- transcripts ---------------------------------------------------------------------------- */

static void play_line(char *line, const char *where)
{
	char got[300];
	char *text = line + (line[1] ? 2 : 1);

	switch (line[0]) {
	case '\0':
	case '#': break;
	case '>':
		if (!next_command(got, sizeof got))
			fail_msg("%s: nothing was sent (state %s: %s)", where,
				modem_state_name(bench->modem), bench->modem->fsm.why);
		if (strcmp(got, text) != 0)
			fail_msg("%s: \"%s\" was sent, not \"%s\"", where, got, text);
		break;
	case '<':
		settle(); /* what was read before is stored by now */
		feed_line(text);
		break;
	case '@':
		settle();
		loop_advance(bench->loop, atol(text));
		break;
	case '!': expect(text, where); break;
	case '~': fake_lost(); break;
	case '=': set_up(text, where); break;
	default: fail_msg("%s: no such line: %s", where, line);
	}
}

static void play(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[1024], where[400], other[1500];
	int number = 0;

	if (!file)
		fail_msg("%s: cannot be read", path);
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(where, sizeof where, "%s:%d", path, ++number);
		if (number == 1) {
			if (strncmp(line, "origin: ", 8) != 0)
				fail_msg("%s: says not where it is from", where);
			continue;
		}
		if (line[0] != '&') {
			play_line(line, where);
			continue;
		}
		snprintf(other, sizeof other, "%.*s/%s", (int)(strrchr(path, '/') - path), path,
			line + 2);
		play(other);
	}
	fclose(file);
}

static void play_again(const char *path)
{
	static int played;

	if (played++ > 0) { /* the group's set-up made the first bench */
		bench_teardown(NULL);
		bench_setup(NULL);
	}
	play(path);
}

/* Calls fn for each entry of a folder that is not hidden; how many there are. */
static int each(const char *folder, void (*fn)(const char *path))
{
	char path[300];
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		fn(path);
		count++;
	}
	closedir(dir);
	return count;
}

static void play_family(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	if (S_ISDIR(info.st_mode))
		assert_true(each(path, play_again) > 0);
}

static void test_transcripts(void **state)
{
	(void)state;
	each(TESTS_DIR "/transcripts", play_family);
}

static void test_every_driver_has_transcripts(void **state)
{
	static const char *const wanted[] = { "cold", "pin", "receive", "no-sim", "full",
		"reboot" };
	char path[300];

	(void)state;
	for (const struct modem_driver *const *driver = modem_drivers; *driver; driver++)
		for (size_t i = 0; i < COUNT_OF(wanted); i++) {
			snprintf(path, sizeof path, "%s/transcripts/%s/%s", TESTS_DIR,
				(*driver)->name, wanted[i]);
			if (access(path, R_OK) != 0)
				fail_msg("%s: missing", path);
		}
}

/* What was recorded can be played: the daemon says the same again to a modem that is masked. */
static void test_a_recording_is_a_transcript(void **state)
{
	char folder[] = "/tmp/simgate-record-XXXXXX", path[128], line[200] = "";
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	record_folder = folder;
	bench_teardown(NULL);
	bench_setup(NULL);
	play(TESTS_DIR "/transcripts/sim800/receive");
	record_folder = NULL;
	bench_teardown(NULL);
	bench_setup(NULL);
	snprintf(path, sizeof path, "%s/north_p01", folder);
	play(path);
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM); /* the card is pulled in the end */

	file = fopen(path, "r");
	assert_non_null(fgets(line, sizeof line, file));
	assert_string_equal(line, "origin: recorded SIMCOM_SIM800L SIM800 R14.18\n");
	while (fgets(line, sizeof line, file)) {
		assert_null(strstr(line, "490154203237518"));
		assert_null(strstr(line, "46700100017"));
		assert_null(strstr(line, "E8329BFD06DDDF"));
	}
	fclose(file);
	unlink(path);
	rmdir(folder);
}

/* "hello world" from Gate, at three times */
#define PDU1 "000407D0C730BD0C0000621112090000800BE8329BFD06DDDF723619"
#define PDU2 "000407D0C730BD0C0000621112090010800BE8329BFD06DDDF723619"
#define PDU3 "000407D0C730BD0C0000621112090020800BE8329BFD06DDDF723619"
/* "abc", part 1 and "def", part 2 of 2, reference 7, from +46701 */
#define PART1 "004405916407F10000621112090000800A050003070201C2E231"
#define PART2 "004405916407F10000621112090000800A050003070202C86533"

static void test_hang_up_takes_the_number_off_and_comes_back(void **state)
{
	(void)state;
	reach_ready();
	fake_lost();
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_false(bench->modem->online);
	assert_string_equal(bench->modem->card_id, "");
	pass(3000 + 1500);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(bench->fake->opens, 2);
}

static void test_a_device_comes_and_goes_under_other_names(void **state)
{
	struct modem *modem = bench->modem;
	char other[128];

	(void)state;
	snprintf(other, sizeof other, "%s/other", bench->dir);
	fclose(fopen(other, "w"));
	reach_ready();
	assert_int_equal(modem_set_device(modem, other), -EBUSY);
	assert_string_equal(modem->device, bench->device);
	modem_set_device(modem, NULL);
	assert_int_equal(modem->fsm.state, MODEM_OFF);
	assert_false(bench->fake->open);
	assert_false(modem->online);
	assert_string_equal(modem->card_id, "");
	pass(10000); /* nothing is looked for */
	assert_int_equal(modem->fsm.state, MODEM_OFF);
	assert_string_equal(modem->fsm.why, "nothing plugged in");
	assert_int_equal(bench->fake->opens, 1);
	assert_int_equal(modem_set_device(modem, other), 0);
	assert_false(modem->settled);
	modem_start(modem);
	pass(3000);
	assert_int_equal(modem->fsm.state, MODEM_READY);
	assert_string_equal(modem->device, other);
	/* at fault: the pause goes on with the new one; unplugged it is over */
	fake_lost();
	assert_int_equal(modem->fsm.state, MODEM_FAULT);
	assert_int_equal(modem_set_device(modem, bench->device), 0);
	assert_int_equal(modem->fsm.state, MODEM_FAULT);
	pass(4500);
	assert_int_equal(modem->fsm.state, MODEM_READY);
	fake_lost();
	modem_set_device(modem, NULL);
	assert_int_equal(modem->fsm.state, MODEM_OFF);
	/* while it is being opened */
	modem_set_device(modem, other);
	modem_start(modem);
	assert_int_equal(modem->fsm.state, MODEM_OPEN);
	modem_set_device(modem, NULL);
	assert_int_equal(modem->fsm.state, MODEM_OFF);
	pass(5000);
	assert_int_equal(modem->fsm.state, MODEM_OFF);
	unlink(other);
}

static void test_line_that_hangs_up_again_and_again(void **state)
{
	int opens = 0;

	(void)state;
	reach_ready();
	for (int i = 0; i < 360; i++) { /* six minutes: a handful, and it is left alone */
		if (bench->fake->open) {
			fake_lost();
			opens++;
		}
		loop_advance(bench->loop, 1000);
	}
	assert_int_equal(opens, 6);
	pass(10000);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_lost_registration_has_a_grace(void **state)
{
	(void)state;
	reach_ready();
	sim.creg = "+CREG: 1,2\r\nOK";
	feed_line("+CREG: 2");
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_REGISTER);
	assert_true(bench->modem->online);
	pass(21000);
	assert_false(bench->modem->online);
	sim.creg = "+CREG: 1,5\r\nOK";
	feed_line("+CREG: 5,\"00A1\",\"1F2B\""); /* no poll is waited for */
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(bench->modem->reg, REG_ROAMING);
	assert_true(bench->modem->online);
}

static void test_silent_modem_is_reopened_with_growing_pauses(void **state)
{
	int opens;

	(void)state;
	reach_ready();
	sim.dead = true;
	feed_line("+CMTI: \"SM\",1");
	settle();
	for (int i = 0; i < 40 && bench->modem->fsm.state != MODEM_FAULT; i++) {
		loop_advance(bench->loop, 1000);
		settle();
	}
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_false(bench->modem->online);
	opens = bench->fake->opens;
	for (int i = 0; i < 80; i++) {
		loop_advance(bench->loop, 1000);
		bench->fake->len = 0;
	}
	settle();
	/* pauses of 1, 2, 5, 10, 30 s, and some seconds of trying each */
	assert_in_range(bench->fake->opens - opens, 4, 5);
	sim.dead = false;
	pass(70000);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_garbage_is_no_modem(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.garbage = true;
	for (int i = 0; i < 60 && bench->modem->fsm.state != MODEM_FAULT; i++)
		pass(500);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_true(bench->modem->settled);
	assert_non_null(strstr(bench->modem->fsm.why, "does not answer"));
}

static void test_open_failures(void **state)
{
	(void)state;
	close_all();
	open_store();
	bench->fake->open_err = -ETIMEDOUT;
	bench->fake->opens = 0;
	memset(&sim, 0, sizeof sim);
	new_modem();
	settle();
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_true(bench->modem->settled);
	loop_advance(bench->loop, 299000);
	assert_int_equal(bench->fake->opens, 1); /* quarantine: five minutes */
	bench->fake->open_err = -ENOENT;
	loop_advance(bench->loop, 2000);
	settle();
	assert_int_equal(bench->modem->fsm.state, MODEM_OFF);
	bench->fake->open_err = 0;
	pass(5000);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_card_that_is_not_there_or_locked(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.cpin = "+CPIN: PH-SIM PIN\r\nOK";
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_true(bench->modem->settled);
	assert_string_equal(bench->modem->fsm.why, "PH-SIM PIN");
	sim.cpin = "+CME ERROR: 10";
	pass(31000 + 1500);
	assert_string_equal(bench->modem->fsm.why, "no card");
	sim.cpin = NULL;
	feed_line("+CPIN: READY"); /* put in: no poll is waited for */
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* An OK without +CPIN: the card is still starting, and is asked again each second. */
static void test_ok_alone_says_nothing_about_the_card(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.cpin = "OK";
	pass(5000);
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_string_equal(bench->modem->fsm.why, "card busy");
	assert_false(bench->modem->settled);
	sim.cpin = NULL;
	pass(1000 + 1500);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_true(bench->modem->online);
}

static void test_changed_card_is_seen(void **state)
{
	(void)state;
	reach_ready();
	sim.cpin = "+CPIN: NOT READY\r\nOK";
	pass(300000); /* the poll sees it */
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_false(bench->modem->online);
}

static void on_last_card(void *arg, int err, const struct store_row *rows, size_t count)
{
	assert_int_equal(err, 0);
	assert_int_equal(count, 1);
	snprintf(arg, STORE_CARD_SIZE, "%s", rows[0].card_id);
}

/* The network tells what the module does not: without a card nobody is registered. */
static void test_changed_card_that_only_the_network_tells(void **state)
{
	struct store_query query = { .limit = 1 };
	char card[STORE_CARD_SIZE] = "";

	(void)state;
	reach_ready();
	sim.ccid = "89460000000000000025\r\nOK";
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.list_once = true;
	feed_line("+CREG: 0\r\n+CREG: 1\r\n+CMTI: \"SM\",4");
	pass(10000);
	store_messages(bench->store, &query, on_last_card, card);
	settle();
	assert_string_equal(card, "89460000000000000025");
}

static void test_card_that_changes_within_a_listing(void **state)
{
	struct store_query query = { .limit = 1 };
	char card[STORE_CARD_SIZE] = "", command[300];

	(void)state;
	reach_ready();
	feed_line("+CMTI: \"SM\",4");
	assert_true(next_command(command, sizeof command));
	assert_string_equal(command, "AT+CMGL=4");
	feed_line("+CPIN: NOT INSERTED\r\n+CPIN: READY");
	feed_line("+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK");
	sim.ccid = "89460000000000000025\r\nOK";
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.list_once = true;
	pass(10000);
	store_messages(bench->store, &query, on_last_card, card);
	settle();
	assert_string_equal(card, "89460000000000000025");
	look();
	assert_int_equal(messages, 1);
}

static void test_text_is_deleted_only_after_it_is_stored(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	feed_line("+CMTI: \"SM\",4");
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(sim.deletes, 1);
	assert_int_equal(bench->stored, 1);
	assert_int_equal(entries_left(), 0);
}

static void test_same_entry_is_one_text_and_the_same_text_twice_is_two(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.cmgd = "+CMS ERROR: 500";
	feed_line("+CMTI: \"SM\",4");
	converse();
	for (int i = 0; i < 3; i++) { /* deletions fail: it is listed again and again */
		pass(2100 + 1500);
	}
	look();
	assert_int_equal(messages, 1);
	assert_true(sim.deletes >= 3);
	/* a restart in the middle changes nothing */
	close_all();
	open_store();
	new_modem();
	converse();
	look();
	assert_int_equal(messages, 1);
	sim.cmgd = NULL;
	sim.list_once = true;
	modem_sweep(bench->modem);
	pass(5000);
	/* deleted at last; then the very same bytes again are a new text */
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	feed_line("+CMTI: \"SM\",4");
	converse();
	look();
	assert_int_equal(messages, 2);
}

static void test_deletion_that_lies(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.cmgd = "ERROR"; /* but it has deleted it */
	feed_line("+CMTI: \"SM\",4");
	converse();
	sim.list = NULL;
	pass(2100 + 1500); /* a listing without it tells */
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.cmgd = NULL;
	feed_line("+CMTI: \"SM\",4");
	converse();
	look();
	assert_int_equal(messages, 2);
}

static void sweep_for(int64_t ms)
{
	modem_sweep(bench->modem);
	pass(ms);
}

/* It has nothing, says the module, and later it has it all again. */
static void test_listing_that_lies(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.cmgd = "ERROR";
	feed_line("+CMTI: \"SM\",4");
	converse();
	sim.list = NULL;
	for (int i = 0; i < 5; i++)
		sweep_for(60000);
	assert_true(sim.lists >= 5);
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sweep_for(60000);
	look();
	assert_int_equal(messages, 1);
	/* while it shows another one it is believed */
	sim.list = "+CMGL: 5,0,,27\r\n" PDU2 "\r\nOK";
	sweep_for(60000);
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\n+CMGL: 5,0,,27\r\n" PDU2 "\r\nOK";
	sweep_for(60000);
	look();
	assert_int_equal(messages, 3);
	/* and after a while in any case */
	sim.list = NULL;
	for (int i = 0; i < 13; i++)
		sweep_for(60000);
	sim.list = "+CMGL: 5,0,,27\r\n" PDU2 "\r\nOK";
	sweep_for(60000);
	look();
	assert_int_equal(messages, 4);
}

/* A card with texts that could not be deleted comes into a module that counts from 0. */
static void test_card_that_counts_otherwise(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 1,0,,27\r\n" PDU1 "\r\n+CMGL: 2,0,,27\r\n" PDU1
		   "\r\n+CMGL: 3,0,,27\r\n" PDU2 "\r\nOK";
	sim.cmgd = "ERROR";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(messages, 3);
	close_all();
	open_store();
	sim.list = NULL; /* at first it says that there is nothing */
	new_modem();
	sweep_for(60000);
	sim.list = "+CMGL: 0,0,,27\r\n" PDU1 "\r\n+CMGL: 1,0,,27\r\n" PDU1
		   "\r\n+CMGL: 2,0,,27\r\n" PDU2 "\r\nOK";
	sweep_for(60000);
	look();
	assert_int_equal(messages, 3);
	/* one of them a third time is a text of its own */
	sim.list = "+CMGL: 0,0,,27\r\n" PDU1 "\r\n+CMGL: 1,0,,27\r\n" PDU1
		   "\r\n+CMGL: 2,0,,27\r\n" PDU2 "\r\n+CMGL: 3,0,,27\r\n" PDU1 "\r\nOK";
	sim.cmgd = NULL;
	sim.list_once = true;
	sweep_for(60000);
	look();
	assert_int_equal(messages, 4);
	assert_int_equal(entries_left(), 0);
}

/* "AT+CMGD=12" may reach the module as "AT+CMGD=1": what that deletes has to be stored. */
static struct modem_entry *slow;

static const char *slow_store(const char *command)
{
	struct modem_sms *sms = &bench->modem->sms;

	for (size_t i = 0; !slow && strncmp(command, "AT+CMGD", 7) == 0 && i < sms->count; i++)
		if (sms->entries[i] != sms->deleting)
			slow = sms->entries[i];
	if (slow && slow->stored && !slow->deleted) {
		slow->stored = false; /* not yet, after all */
		slow->storing = true;
	}
	return NULL;
}

static void test_nothing_is_deleted_before_all_is_stored(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 1,0,,27\r\n" PDU1 "\r\n+CMGL: 12,0,,27\r\n" PDU2
		   "\r\n+CMGL: 13,0,,27\r\n" PDU1 "\r\nOK";
	sim.list_once = true;
	sim.reply = slow_store;
	slow = NULL;
	feed_line("+CMTI: \"SM\",1");
	converse();
	assert_non_null(slow);
	assert_int_equal(sim.deletes, 1);
	sim.reply = NULL;
	slow->storing = false;
	slow->stored = true;
	modem_sweep(bench->modem);
	converse();
	assert_int_equal(sim.deletes, 3);
}

/* A worn-out card says OK and keeps what it has. */
static void test_deletion_that_does_nothing(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	feed_line("+CMTI: \"SM\",4");
	converse();
	for (int i = 0; i < 20; i++)
		pass(60000);
	look();
	assert_int_equal(messages, 1);
	/* it has room again: the very same bytes are a new text */
	sim.list = NULL;
	pass(600000);
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	feed_line("+CMTI: \"SM\",4");
	converse();
	look();
	assert_int_equal(messages, 2);
}

/* The network has a text replaced (TS 23.040 9.2.3.9) while the first is being stored. */
static bool replaced_deleted;

static const char *replaced(const char *command)
{
	if (strcmp(command, "AT+CMGD=4") == 0)
		replaced_deleted = true;
	if (strcmp(command, "AT+CMGL=4") != 0 || replaced_deleted)
		return NULL;
	return "+CMGL: 4,0,,27\r\n" PDU2 "\r\nOK";
}

static void test_replaced_before_it_is_deleted(void **state)
{
	char command[300];

	(void)state;
	reach_ready();
	replaced_deleted = false;
	feed_line("+CMTI: \"SM\",4");
	assert_true(next_command(command, sizeof command));
	assert_string_equal(command, "AT+CMGL=4");
	feed_line("+CMGL: 4,0,,27");
	feed_line(PDU1);
	settle();
	feed_line("+CMTI: \"SM\",4");
	feed_line("OK");
	sim.reply = replaced;
	converse();
	assert_true(replaced_deleted);
	look();
	assert_int_equal(messages, 2);
}

static void test_lines_inside_a_listing(void **state)
{
	(void)state;
	reach_ready();
	sim.list_once = true;
	sim.list = "+CMGL: 1,0,,27\r\n000407D0C730BD0C00006211\r\n^RSSI:18\r\n+CREG: 1\r\n"
		   "12090000800BE8329BFD06DDDF723619\r\n+CMTI: \"SM\",2\r\n+CMGL: 2,0,,27\r\n" PDU2
		   "\r\nOK";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(messages, 2);
	assert_int_equal(undecodable, 0);
}

static void test_lost_bytes_are_read_again(void **state)
{
	(void)state;
	reach_ready();
	sim.list_once = true;
	sim.list = "+CMGL: 1,0,,27\r\n000407D0C730BD0C000062111209000\r\nOK";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(messages + undecodable, 0);
	assert_int_equal(sim.deletes, 0);
	sim.list = "+CMGL: 1,0,,27\r\n" PDU1 "\r\nOK";
	pass(2100 + 1500);
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(undecodable, 0);
}

static void test_what_cannot_be_read_does_not_stop_the_next(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 1,0,,27\r\n000407D0\r\n+CMGL: junk\r\n+CMGL: 2,0,,27\r\n" PDU2 "\r\nOK";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(messages, 1);
	sim.list = "+CMGL: 1,0,,27\r\n000407D0\r\nOK"; /* it is just so: kept raw, removed */
	pass(2100 + 1500);
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(undecodable, 1);
	assert_int_equal(sim.deletes, 2);
}

static void test_parts_are_joined_over_a_restart(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 1,0,,25\r\n" PART2 "\r\nOK";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(messages, 0);
	assert_int_equal(undecodable, 0);
	assert_int_equal(sim.deletes, 1); /* a part is durable too */
	close_all();
	open_store();
	sim.list = NULL;
	new_modem();
	converse();
	sim.list = "+CMGL: 1,0,,25\r\n" PART1 "\r\nOK";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(messages, 1);
}

static void test_module_memory_of_an_unknown_card_is_held(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.stores = "+CPMS: (\"SM\",\"ME\"),(\"SM\"),(\"SM\")\r\nOK";
	sim.list_me = "+CMGL: 1,0,,27\r\n" PDU1 "\r\nOK";
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(held, 1); /* nobody knows whose it is */
	sim.list_me = "+CMGL: 1,0,,27\r\n" PDU2 "\r\nOK";
	feed_line("+CMTI: \"ME\",1");
	converse();
	look();
	assert_int_equal(messages, 2);
	assert_int_equal(held, 1); /* what comes now is the card's */
}

/* The first command that is sent next must be this one; it is answered. */
static void answer_next(const char *command, const char *reply)
{
	char got[300];

	if (!next_command(got, sizeof got))
		fail_msg("nothing was sent, not %s", command);
	assert_string_equal(got, command);
	settle();
	feed_line(reply);
}

static void answer_as_usual(const char *command)
{
	answer_next(command, reply_to(command));
	loop_advance(bench->loop, 20);
}

static void test_text_does_not_wait_for_a_poll(void **state)
{
	static const char *const poll[] = { "AT+CPIN?", "AT+CCID", "AT+CSQ", "AT+CREG?",
		"AT+COPS?" };

	(void)state;
	reach_ready();
	for (int i = 0; i < 400 && bench->fake->len == 0; i++)
		loop_advance(bench->loop, 1000);
	answer_as_usual("AT+CPIN?");
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.list_once = true;
	feed_line("+CMTI: \"SM\",4");
	answer_as_usual("AT+CCID"); /* it was under way */
	answer_as_usual("AT+CMGL=4");
	feed_line("+CMTI: \"SM\",5"); /* the poll goes on meanwhile, and is not cut once more */
	for (size_t i = 0; i < COUNT_OF(poll); i++)
		answer_as_usual(poll[i]);
	answer_as_usual("AT+CMGD=4");
	answer_as_usual("AT+CMGL=4");
	assert_true(bench->modem->online);
}

/* Killed between the deletion and the store's record of it; before the next start the index was
 * taken by another text. */
static void test_deletion_that_was_not_recorded(void **state)
{
	(void)state;
	reach_ready();
	feed_line("+CMTI: \"SM\",4");
	answer_next("AT+CMGL=4", "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK");
	settle();
	loop_advance(bench->loop, 20);
	answer_next("AT+CMGD=4", ""); /* done, but the answer comes too late */
	look();
	assert_int_equal(messages, 1);
	close_all();
	open_store();
	sim.list_once = true;
	sim.list = "+CMGL: 4,0,,27\r\n" PDU2 "\r\nOK";
	new_modem();
	converse();
	look();
	assert_int_equal(messages, 2);
	assert_int_equal(sim.deletes, 1);
	modem_sweep(bench->modem); /* an empty listing: now both are known to be gone */
	converse();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	feed_line("+CMTI: \"SM\",4");
	converse();
	look();
	assert_int_equal(messages, 3);
	assert_int_equal(sim.deletes, 2);
}

static void test_card_that_may_be_another_is_looked_at_before_its_texts(void **state)
{
	(void)state;
	reach_ready();
	feed_line("+CMTI: \"SM\",4");
	feed_line("+CPIN: NOT READY");
	feed_line("+CPIN: READY");
	/* the listing was under way; what it showed may be another card's: it is read again */
	answer_next("AT+CMGL=4", "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK");
	answer_next("AT+CPIN?", "+CPIN: READY\r\nOK");
	loop_advance(bench->loop, 20);
	answer_next("AT+CCID", "ERROR"); /* not proved to be the same */
	for (int i = 0; i < 4 && bench->modem->fsm.state != MODEM_SIM; i++) {
		char got[300];
		loop_advance(bench->loop, 20);
		next_command(got, sizeof got);
		feed_line(reply_to(got));
	}
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_false(bench->modem->online);
	assert_int_equal(sim.deletes, 0);
	look();
	assert_int_equal(messages, 0);
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.list_once = true;
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	look();
	assert_int_equal(messages, 1);
}

static void test_modem_that_will_not_say_how_its_card_is(void **state)
{
	(void)state;
	reach_ready();
	sim.cpin = "ERROR"; /* no codes: it may be out */
	pass(300000 + 5000);
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_false(bench->modem->online);
	sim.cpin = NULL;
	pass(7000);
	assert_true(bench->modem->online);
}

static void test_iccid_that_comes_late(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.ccid = "ERROR";
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.list_once = true;
	pass(3000);
	look();
	assert_int_equal(messages, 0); /* whose would it be? */
	sim.ccid = NULL;
	pass(3000);
	look();
	assert_int_equal(messages, 1);
	assert_string_equal(bench->modem->card_id, "89460000000000000017");
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_iccid_that_never_comes(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.ccid = "ERROR";
	pass(12000);
	assert_string_equal(bench->modem->card_id, "imsi-240010000000017");
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_memory_that_can_be_chosen_late(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.cpms = "+CMS ERROR: 314";
	pass(8000);
	sim.cpms = NULL;
	pass(3000);
	assert_string_equal(bench->modem->sms.memories[0], "SM");
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_two_short_entries_do_not_wait_for_ever(void **state)
{
	(void)state;
	reach_ready();
	sim.list_once = true;
	sim.list = "+CMGL: 1,0,,27\r\n000407D0\r\n+CMGL: 2,0,,27\r\n000407D1\r\nOK";
	feed_line("+CMTI: \"SM\",1");
	converse();
	look();
	assert_int_equal(undecodable, 0);
	sim.list = "+CMGL: 1,0,,27\r\n000407D0\r\n+CMGL: 2,0,,27\r\n000407D1\r\nOK";
	pass(2100 + 1500);
	look();
	assert_int_equal(undecodable, 2);
	assert_int_equal(sim.deletes, 2);
}

static void test_lost_header_proves_nothing(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	sim.cmgd = "+CMS ERROR: 500";
	feed_line("+CMTI: \"SM\",4");
	converse();
	sim.list = "+CMG\r\n^RSSI:18\r\nL: 4,1,,27\r\n" PDU1 "\r\nOK";
	pass(2100 + 1500);
	sim.list = "+CMGL: 4,1,,27\r\n" PDU1 "\r\nOK";
	modem_sweep(bench->modem);
	pass(2100 + 1500);
	look();
	assert_int_equal(messages, 1); /* it had not gone and come back */
}

static void test_caller_that_hangs_up_ends_no_command(void **state)
{
	(void)state;
	reach_ready();
	feed_line("+CMTI: \"SM\",4");
	answer_next("AT+CMGL=4", "RING\r\nNO CARRIER\r\n+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK");
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(sim.deletes, 1);
	assert_int_equal(bench->modem->errors, 0);
}

static void test_memory_that_cannot_be_read(void **state)
{
	(void)state;
	reach_ready();
	sim.text_mode = true; /* it restarted without a word */
	sim.list_once = true;
	sim.list = "+CMGL: 4,0,,27\r\n" PDU1 "\r\nOK";
	modem_sweep(bench->modem);
	pass(12000);
	assert_false(sim.text_mode); /* set up again */
	look();
	assert_int_equal(messages, 1);
	assert_true(bench->modem->online);
	sim.list_once = false;
	sim.list = "+CMS ERROR: 500";
	modem_sweep(bench->modem);
	pass(30000);
	assert_false(bench->modem->online); /* the list promises that texts are read */
	sim.list = NULL;
	pass(5000);
	assert_true(bench->modem->online);
}

/* The disk refuses every write. */
static void disk_full(bool full)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_store_in_trouble_takes_no_card_away(void **state)
{
	(void)state;
	reach_ready();
	disk_full(true);
	modem_number_changed(bench->modem);
	settle();
	disk_full(false);
	assert_string_equal(bench->modem->card_id, "89460000000000000017");
	assert_true(bench->modem->number_wanted);
	pass(1500);
	assert_false(bench->modem->number_wanted);
	assert_true(bench->modem->online);
}

static void test_modem_is_not_finished_while_the_store_thinks_it_is_online(void **state)
{
	(void)state;
	reach_ready();
	disk_full(true);
	modem_stop(bench->modem, "test");
	settle();
	disk_full(false);
	assert_false(modem_finished(bench->modem));
	loop_advance(bench->loop, 1100);
	settle();
	assert_true(modem_finished(bench->modem));
	assert_string_equal(bench->modem->card_in_store, "");
}

static void test_module_memory_keeps_its_owner_over_a_restart(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.stores = "+CPMS: (\"SM\",\"ME\"),(\"SM\"),(\"SM\")\r\nOK";
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	/* another card; its module restarts before its memory was read */
	fake_lost();
	sim.ccid = "89460000000000000025\r\nOK";
	sim.list_me = "+CMS ERROR: 500";
	pass(3000 + 1500);
	assert_string_equal(bench->modem->module.owner, "89460000000000000017");
	feed_line("RDY");
	sim.list_me = "+CMGL: 1,0,,27\r\n" PDU1 "\r\nOK";
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_string_equal(bench->modem->module.owner, "89460000000000000017");
	/* and now it is read: what it holds next time is this card's */
	feed_line("RDY");
	converse();
	assert_string_equal(bench->modem->module.owner, "89460000000000000025");
}

static void on_put(void *owner, int err, bool same_entry)
{
	(void)same_entry;
	assert_int_equal(err, 0);
	++*(int *)owner;
}

static void test_parts_of_unknown_cards_are_not_mixed(void **state)
{
	struct inbox_entry entry = { "north/p01", "north", "p01", "me-1", "", "ME", 1, 25, PART1,
		false, false, NULL };
	int done = 0;

	(void)state;
	inbox_put(bench->inbox, &entry, on_put, &done);
	entry.key = "me-2"; /* another module */
	entry.pdu = PART2;
	inbox_put(bench->inbox, &entry, on_put, &done);
	settle();
	look();
	assert_int_equal(done, 2);
	assert_int_equal(messages, 0);
	entry.key = "me-1";
	inbox_put(bench->inbox, &entry, on_put, &done);
	settle();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(held, 1);
}

static void test_words_that_mean_a_restart(void **state)
{
	static const char *const words[] = { "RDY", "^SYSSTART", "MODEM:STARTUP", "*ATREADY: 1",
		"+AT: READY" };

	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.model = "M-2\r\nOK";
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		converse();
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		feed_line(words[i]);
		assert_int_equal(bench->modem->fsm.state, MODEM_PROBE);
		assert_false(bench->modem->online);
	}
}

static void test_second_memory_that_cannot_be_read(void **state)
{
	int asked;

	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.stores = "+CPMS: (\"SM\",\"ME\"),(\"SM\"),(\"SM\")\r\nOK";
	sim.list_me = "+CMS ERROR: 500";
	pass(15000);
	asked = sim.lists;
	pass(15000);
	assert_int_equal(sim.lists, asked); /* left to the sweep */
	assert_true(bench->modem->online);
	sim.list_me = "+CMGL: 1,0,,27\r\n" PDU1 "\r\nOK";
	feed_line("+CMTI: \"ME\",1");
	converse();
	look();
	assert_true(messages > 0);
}

/* ---- texts shown unasked -------------------------------------------------------------------- */

/* A status report, and a page of a cell broadcast */
#define REPORT "000601048121436211120900008062111209100080000000"
#define PAGE   "0010003201112233445566778899AABBCCDDEEFF"

static int64_t found_undecodable(void)
{
	look();
	return undecodable;
}

/* Lines separated by "|"; "@" lets the time for digits pass. */
static void feed_lines(const char *lines)
{
	char copy[2048], *rest = copy, *line;

	snprintf(copy, sizeof copy, "%s", lines);
	while ((line = strsep(&rest, "|")))
		if (strcmp(line, "@") == 0)
			loop_advance(bench->loop, 2000);
		else
			feed_line(line);
}

static void test_direct_texts(void **state)
{
	static const struct {
		const char *lines;
		int messages, undecodable, acks, ignored;
	} rows[] = {
		{ "+CMT: ,27|" PDU1, 1, 0, 1, 0 },
		{ "+CMT: 27|" PDU1, 1, 0, 1, 0 },
		{ "+CMT:,27|" PDU1, 1, 0, 1, 0 },
		{ "+CMT: \"Doe, \"J\",27|" PDU1, 1, 0, 1, 0 },
		{ "+CMT: ,27 " PDU1, 1, 0, 1, 0 },
		{ "+CMT: ,27|" PDU1 "FFFF", 1, 0, 1, 0 },
		{ "+CMT: ,27|" PDU1 "|+CMT: ,27|" PDU2, 2, 0, 2, 0 },
		{ "+CIEV: \"MESSAGE\",1|+CMT: ,27|" PDU1, 1, 0, 1, 0 },
		/* in pieces, with others between them */
		{ "+CMT: ,27|0004|+CREG: 1|07D0C730BD0C00006211|RING|1209000080|^RSSI:18|"
		  "0BE8329BFD06DDDF723619",
			1, 0, 1, 0 },
		{ "+CMT: ,27|^RSSI:18|" PDU1, 1, 0, 1, 0 },
		/* too short: kept as it is, once no more can come */
		{ "+CMT: ,27|0004|@", 0, 1, 1, 0 },
		{ "+CMT: ,27|0004|@|07D0C730BD0C0000621112090000800BE8329BFD06DDDF723619", 0, 1, 1,
			0 },
		{ "+CMT: ,27|0004|+CMT: ,27|" PDU1, 1, 1, 2, 0 },
		/* nothing behind the header */
		{ "+CMT: ,27|@|" PDU1, 0, 0, 0, 1 },
		{ "+CMT: ,27|+CMT: ,27|" PDU1, 1, 0, 1, 1 },
		/* text mode */
		{ "+CMT: \"+46700100201\",,\"23/02/09,13:42:18+04\"|Hello", 0, 0, 0, 1 },
		{ "+CMT: \"+46700100201\",,\"23/02/09,13:42:18+04\"|" PDU1, 0, 0, 0, 1 },
		{ "+CDS: 6,9,\"+467\",145,\"23/02/09,13:42:18+04\",\"\",0", 0, 0, 0, 1 },
		/* what is no text is kept; a page is not acknowledged */
		{ "+CDS: 23|" REPORT, 0, 1, 1, 0 },
		{ "+CBM: 20|" PAGE, 0, 1, 0, 0 },
		{ "+CBM: 20|001000320111|RING|2233445566778899AABBCCDDEEFF", 0, 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0) { /* the group's set-up made the first bench */
			bench_teardown(NULL);
			bench_setup(NULL);
		}
		reach_ready();
		feed_lines(rows[i].lines);
		converse();
		look();
		if (messages != rows[i].messages || undecodable != rows[i].undecodable ||
			sim.acks != rows[i].acks ||
			bench->modem->direct.ignored != (uint64_t)rows[i].ignored)
			fail_msg("%s: %d messages, %d undecodable, %d acks, %d ignored",
				rows[i].lines, (int)messages, (int)undecodable, sim.acks,
				(int)bench->modem->direct.ignored);
		assert_int_equal(sim.deletes, 0);
		assert_int_equal(held, 0);
		assert_true(bench->modem->online);
	}
}

static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	assert_int_equal(err, 0);
	assert_int_equal(count, 1);
	snprintf(arg, 200, "%s %s %s %s", rows[0].slot, rows[0].card_id, rows[0].reason,
		rows[0].text);
}

static void test_page_says_what_it_is(void **state)
{
	struct store_query query = { .outbox = true };
	char row[200] = "";

	(void)state;
	reach_ready();
	feed_lines("+CBM: 20|" PAGE);
	converse();
	store_messages(bench->store, &query, on_rows, row);
	settle();
	assert_string_equal(row, "p01 89460000000000000017 cell-broadcast " PAGE);
}

/* Answers as usual until this command is sent, which is left without an answer. */
static void until(const char *command)
{
	char got[300];

	for (int i = 0; i < 20000; i++) {
		settle();
		loop_advance(bench->loop, 20);
		if (!memchr(bench->fake->out, '\r', bench->fake->len))
			continue;
		next_command(got, sizeof got);
		if (strcmp(got, command) == 0)
			return;
		feed_line(reply_to(got));
	}
	fail_msg("%s was not sent", command);
}

/* A number that a command asked for goes to it, whatever came before. */
static void test_direct_text_takes_no_answer_away(void **state)
{
	static const struct {
		const char *command, *lines, *answer;
		int messages, undecodable;
	} rows[] = {
		{ "AT+CIMI", "+CMT: ,27|" PDU1, "240010000000017", 1, 0 },
		{ "AT+CIMI", "+CMT: ,27", "240010000000017", 0, 0 },
		{ "AT+CIMI", "+CMT: ,27|000407D0C7", "240010000000017", 0, 1 },
		{ "AT+CIMI",
			"+CMT: ,27|000407D0C730BD0C0000621112|RING|090000800BE8329BFD06DDDF723619",
			"240010000000017", 1, 0 },
		{ "AT+CIMI", "+CBM: 20", "240010000000017", 0, 0 },
		{ "AT+CIMI", "+CBM: 20|0010003201", "240010000000017", 0, 1 },
		{ "AT+CGSN", "+CMT: ,27", "004400152020002", 0, 0 },
		{ "AT+CGSN", "+CMT: ,27", "013400152020002", 0, 0 },
		{ "AT+CCID", "+CMT: ,27", "89460000000000000017", 0, 0 },
		{ "AT+CCID", "+CBM: 20", "89460000000000000017", 0, 0 },
		{ "AT+CCID", "+CMT: ,27|00040791", "89460000000000000017", 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct modem *modem;
		if (i > 0) {
			bench_teardown(NULL);
			bench_setup(NULL);
		}
		modem = bench->modem;
		memset(&sim, 0, sizeof sim);
		until(rows[i].command);
		feed_lines(rows[i].lines);
		feed_line(rows[i].answer);
		feed_line("OK");
		converse();
		assert_int_equal(modem->fsm.state, MODEM_READY);
		assert_string_equal(rows[i].command[4] == 'I'   ? modem->imsi
				    : rows[i].command[4] == 'G' ? modem->imei
								: modem->iccid,
			rows[i].answer);
		pass(2500);
		look();
		if (messages != rows[i].messages || undecodable != rows[i].undecodable)
			fail_msg("%s, %s: %d messages, %d undecodable", rows[i].command,
				rows[i].lines, (int)messages, (int)undecodable);
	}
}

/* Nobody can tell whose it is: kept, and held. */
static void test_direct_text_before_the_card_is_known(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	until("AT+CGSN");
	feed_lines("+CMT: ,27|" PDU1);
	feed_line(reply_to("AT+CGSN"));
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(held, 1);
	feed_line("+CPIN: NOT READY"); /* it may be another card */
	feed_line("+CPIN: READY");
	feed_lines("+CMT: ,27|" PDU2);
	converse();
	look();
	assert_int_equal(messages, 2);
	assert_int_equal(held, 2);
	feed_lines("+CMT: ,27|" PDU3);
	converse();
	look();
	assert_int_equal(messages, 3);
	assert_int_equal(held, 2);
	feed_line("+CMTI: \"SM\",1");
	until("AT+CMGL=4");
	feed_line("+CPIN: NOT READY"); /* it will be looked at after the listing */
	feed_lines("+CMT: ,27|" PDU1);
	feed_line("OK");
	converse();
	look();
	assert_int_equal(messages, 4);
	assert_int_equal(held, 3);
}

#define HALF1 "000407D0C730BD0C00006211"
#define HALF2 "12090000800BE8329BFD06DDDF723619" /* of PDU1 */
#define REST2 "12090010800BE8329BFD06DDDF723619" /* of PDU2 */

static void test_direct_text_in_a_listing(void **state)
{
	static const struct {
		const char *list, *again;
		int messages, undecodable, deletes;
	} rows[] = {
		/* between a header and its digits, in the middle of them, behind them */
		{ "+CMGL: 1,0,,27\r\n+CMT: ,27\r\n" PDU2 "\r\n" PDU1 "\r\nOK", NULL, 2, 0, 1 },
		{ "+CMGL: 1,0,,27\r\n" HALF1 "\r\n+CMT: ,27\r\n" PDU2 "\r\n" HALF2 "\r\nOK", NULL,
			2, 0, 1 },
		{ "+CMGL: 1,0,,27\r\n" PDU1 "\r\n+CMT: ,27\r\n" PDU2 "\r\n+CMGL: 2,0,,27\r\n" PDU3
		  "\r\nOK",
			NULL, 3, 0, 2 },
		/* itself in two pieces */
		{ "+CMGL: 1,0,,27\r\n" HALF1 "\r\n+CMT: ,27\r\n" HALF1 "\r\n^RSSI:18\r\n" REST2
		  "\r\n" HALF2 "\r\nOK",
			NULL, 2, 0, 1 },
		{ "+CMT: ,27\r\n" HALF1 "\r\n+CMGL: 1,0,,27\r\n" REST2 "\r\n" PDU1 "\r\nOK", NULL,
			2, 0, 1 },
		/* damaged, between two entries: kept as it is */
		{ "+CMT: ,27\r\n87" PDU2 "\r\n+CMGL: 1,0,,27\r\n" PDU1 "\r\nOK",
			"+CMGL: 1,1,,27\r\n" PDU1 "\r\nOK", 1, 1, 1 },
		/* too short: the listing's digits stay the listing's, but it is read again */
		{ "+CMGL: 1,0,,27\r\n" HALF1 "\r\n+CMT: ,27\r\n0004\r\n" HALF2 "\r\nOK",
			"+CMGL: 1,1,,27\r\n" PDU1 "\r\nOK", 1, 1, 1 },
		{ "+CMGL: 1,0,,27\r\n" HALF1 "\r\n+CMT: ,27\r\n" HALF2 "\r\nOK",
			"+CMGL: 1,1,,27\r\n" PDU1 "\r\nOK", 1, 0, 1 },
		/* in three pieces: nothing is stored as whole that is not */
		{ "+CMGL: 1,0,,27\r\n" HALF1 "\r\n+CMT: ,27\r\n0004\r\nRING\r\n07D0\r\nRING\r\n"
		  "C730BD0C0000621112090010800BE8329BFD06DDDF723619\r\n" HALF2 "\r\nOK",
			"+CMGL: 1,1,,27\r\n" PDU1 "\r\nOK", 1, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0) {
			bench_teardown(NULL);
			bench_setup(NULL);
		}
		reach_ready();
		sim.list = rows[i].list;
		sim.list_once = true;
		feed_line("+CMTI: \"SM\",1");
		converse();
		assert_int_equal(sim.lists, 2);
		sim.list = rows[i].again;
		pass(2100 + 1500);
		look();
		if (messages != rows[i].messages || undecodable != rows[i].undecodable ||
			sim.deletes != rows[i].deletes)
			fail_msg("%s: %d messages, %d undecodable, %d deletes", rows[i].list,
				(int)messages, (int)undecodable, sim.deletes);
		assert_int_equal(sim.lists, rows[i].again ? 3 : 2);
	}
}

/* The modem restarts, or the line hangs up, in the middle: there is no other copy. */
static void test_direct_text_that_breaks_off(void **state)
{
	(void)state;
	reach_ready();
	feed_lines("+CMT: ,27|" HALF1 "|RDY");
	converse();
	assert_int_equal(found_undecodable(), 1);
	feed_lines("+CMT: ,27|" HALF1);
	fake_lost();
	assert_int_equal(found_undecodable(), 2);
}

/* The n-th of different texts. */
static void feed_text(int n)
{
	char lines[100];

	snprintf(lines, sizeof lines,
		"+CMT: ,27|000407D0C730BD0C00006211120900%d%d800BE8329BFD06DDDF723619", n % 6,
		n / 6);
	feed_lines(lines);
}

static void test_direct_texts_wait_for_the_store(void **state)
{
	uint64_t refused = counter_get(COUNTER_DIRECT_REFUSED);

	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.csms = "ERROR";
	converse();
	disk_full(true);
	for (int n = 0; n < MODEM_DIRECT_MAX + 3; n++)
		feed_text(n);
	settle();
	loop_advance(bench->loop, 1100); /* tried again */
	settle();
	disk_full(false);
	assert_int_equal(counter_get(COUNTER_DIRECT_REFUSED) - refused, 3);
	modem_stop(bench->modem, "test");
	settle();
	assert_false(modem_finished(bench->modem)); /* there is no other copy */
	loop_advance(bench->loop, 1100);
	settle();
	assert_true(modem_finished(bench->modem));
	look();
	assert_int_equal(messages, MODEM_DIRECT_MAX);
}

/* ---- acknowledgements ----------------------------------------------------------------------- */

static void test_text_is_acknowledged_only_after_it_is_stored(void **state)
{
	(void)state;
	reach_ready();
	disk_full(true);
	feed_lines("+CMT: ,27|" PDU1);
	settle();
	disk_full(false);
	pass(3000);
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(sim.acks, 0); /* the network sends it again; the module is set up again */
	assert_int_equal(sim.setups, 2);
	feed_lines("+CMT: ,27|" PDU1); /* here it is */
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(sim.acks, 1);
	feed_lines("+CMT: ,27|" PDU1); /* now it is another */
	answer_next("AT+CNMA", "OK");
	look();
	assert_int_equal(messages, 2);
	pass(100000); /* again, until every module must have given up */
	assert_int_equal(sim.setups, 7);
}

static void test_text_that_comes_again_before_it_is_stored(void **state)
{
	(void)state;
	reach_ready();
	disk_full(true);
	feed_lines("+CMT: ,27|" PDU1);
	settle();
	feed_lines("+CMT: ,27|" PDU1);
	settle();
	disk_full(false);
	pass(3000);
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(sim.acks, 1); /* the second time it was in time */
}

/* The channel was not free for too long. */
static void test_acknowledgement_that_would_be_too_late(void **state)
{
	(void)state;
	reach_ready();
	feed_line("+CMTI: \"SM\",1");
	until("AT+CMGL=4");
	feed_lines("+CMT: ,27|" PDU1);
	settle();
	loop_advance(bench->loop, 10100);
	feed_line("OK");
	converse();
	look();
	assert_int_equal(messages, 1);
	assert_int_equal(sim.acks, 0);
	assert_int_equal(sim.setups, 2);
}

static void test_acknowledgement_does_not_wait_for_a_poll(void **state)
{
	(void)state;
	reach_ready();
	until("AT+CPIN?");
	modem_sweep(bench->modem); /* nor for a listing */
	feed_lines("+CMT: ,27|" PDU1);
	settle();
	feed_line(reply_to("AT+CPIN?"));
	loop_advance(bench->loop, 20);
	answer_as_usual("AT+CNMA");
	answer_as_usual("AT+CMGL=4");
	answer_as_usual("AT+CPIN?"); /* again, and to its end */
	answer_as_usual("AT+CCID");
	converse();
	assert_true(bench->modem->online);
}

static void test_acknowledgement_refused(void **state)
{
	static const char *const refusals[] = { "ERROR", "+CMS ERROR: 340", "" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		uint64_t refused = counter_get(COUNTER_ACKS_REFUSED);
		if (i > 0) {
			bench_teardown(NULL);
			bench_setup(NULL);
		}
		reach_ready();
		sim.cnma = refusals[i];
		for (int n = 1; n <= 5; n++) {
			feed_text(n);
			pass(8000);
			assert_int_equal(bench->modem->fsm.state, MODEM_READY);
			assert_int_equal(sim.acks, n < 3 ? n : 3);
			assert_int_equal(sim.services_off > 0, n >= 3);
			assert_true(sim.setups >= (n < 3 ? n + 1 : 4));
		}
		look();
		assert_int_equal(messages, 5);
		assert_int_equal(counter_get(COUNTER_ACKS_REFUSED) - refused, 3);
		sim.cnma = NULL;
		sim.services = sim.services_off = 0;
		feed_line("RDY"); /* it stays so */
		converse();
		feed_lines("+CMT: ,27|" PDU2);
		converse();
		assert_int_equal(sim.acks, 3);
		assert_int_equal(sim.services, 0);
		assert_int_equal(sim.services_off, 1);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	}
}

static void test_one_refusal_is_not_three(void **state)
{
	(void)state;
	reach_ready();
	for (int n = 1; n <= 8; n++) {
		sim.cnma = n % 2 ? "+CMS ERROR: 340" : NULL;
		feed_text(n);
		pass(3000);
	}
	assert_true(bench->modem->direct.acks);
	assert_int_equal(sim.services_off, 0);
}

static void test_who_is_acknowledged(void **state)
{
	static const struct {
		const char *csms;
		int acks;
	} rows[] = {
		{ "+CSMS: 1,1,1\r\nOK", 1 }, { "+CSMS: 1,0,0\r\nOK", 1 },
		{ "OK", 1 }, /* it took it: it may wait */
		{ "+CSMS: 0,1,1\r\nOK", 0 }, { "+CSMS:\r\nOK", 0 }, { "ERROR", 0 },
		{ "+CMS ERROR: 302", 0 }, { "", 0 }, /* no answer */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0) {
			bench_teardown(NULL);
			bench_setup(NULL);
		}
		memset(&sim, 0, sizeof sim);
		sim.csms = rows[i].csms;
		pass(10000);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		sim.list = "+CMGL: 4,0,,27\r\n" PDU2 "\r\nOK"; /* from a memory: never */
		sim.list_once = true;
		feed_line("+CMTI: \"SM\",4");
		converse();
		assert_int_equal(sim.acks, 0);
		feed_lines("+CMT: ,27|" PDU1);
		converse();
		look();
		assert_int_equal(messages, 2);
		if (sim.acks != rows[i].acks)
			fail_msg("%s: %d", rows[i].csms, sim.acks);
	}
}

static void test_family_that_must_not_be_asked(void **state)
{
	static struct modem_driver odd;

	(void)state;
	reach_ready();
	odd = *bench->modem->driver;
	odd.quirks = QUIRK_NO_CSMS;
	bench->modem->wanted_driver = &odd;
	sim.services = 0;
	feed_line("RDY");
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(sim.services, 0);
	feed_lines("+CMT: ,27|" PDU1);
	converse();
	assert_int_equal(sim.acks, 0);
	look();
	assert_int_equal(messages, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_transcripts),
		cmocka_unit_test(test_every_driver_has_transcripts),
		CASE(test_a_recording_is_a_transcript),
		CASE(test_hang_up_takes_the_number_off_and_comes_back),
		CASE(test_a_device_comes_and_goes_under_other_names),
		CASE(test_line_that_hangs_up_again_and_again),
		CASE(test_lost_registration_has_a_grace),
		CASE(test_silent_modem_is_reopened_with_growing_pauses),
		CASE(test_garbage_is_no_modem),
		CASE(test_open_failures),
		CASE(test_card_that_is_not_there_or_locked),
		CASE(test_ok_alone_says_nothing_about_the_card),
		CASE(test_changed_card_is_seen),
		CASE(test_changed_card_that_only_the_network_tells),
		CASE(test_card_that_changes_within_a_listing),
		CASE(test_text_is_deleted_only_after_it_is_stored),
		CASE(test_text_does_not_wait_for_a_poll),
		CASE(test_same_entry_is_one_text_and_the_same_text_twice_is_two),
		CASE(test_deletion_that_lies),
		CASE(test_listing_that_lies),
		CASE(test_card_that_counts_otherwise),
		CASE(test_nothing_is_deleted_before_all_is_stored),
		CASE(test_deletion_that_does_nothing),
		CASE(test_replaced_before_it_is_deleted),
		CASE(test_lines_inside_a_listing),
		CASE(test_lost_bytes_are_read_again),
		CASE(test_what_cannot_be_read_does_not_stop_the_next),
		CASE(test_parts_are_joined_over_a_restart),
		CASE(test_module_memory_of_an_unknown_card_is_held),
		CASE(test_deletion_that_was_not_recorded),
		CASE(test_card_that_may_be_another_is_looked_at_before_its_texts),
		CASE(test_modem_that_will_not_say_how_its_card_is),
		CASE(test_iccid_that_comes_late),
		CASE(test_iccid_that_never_comes),
		CASE(test_memory_that_can_be_chosen_late),
		CASE(test_two_short_entries_do_not_wait_for_ever),
		CASE(test_lost_header_proves_nothing),
		CASE(test_caller_that_hangs_up_ends_no_command),
		CASE(test_memory_that_cannot_be_read),
		CASE(test_store_in_trouble_takes_no_card_away),
		CASE(test_modem_is_not_finished_while_the_store_thinks_it_is_online),
		CASE(test_module_memory_keeps_its_owner_over_a_restart),
		CASE(test_parts_of_unknown_cards_are_not_mixed),
		CASE(test_words_that_mean_a_restart),
		CASE(test_second_memory_that_cannot_be_read),
		CASE(test_direct_texts),
		CASE(test_page_says_what_it_is),
		CASE(test_direct_text_takes_no_answer_away),
		CASE(test_direct_text_before_the_card_is_known),
		CASE(test_direct_text_in_a_listing),
		CASE(test_direct_text_that_breaks_off),
		CASE(test_direct_texts_wait_for_the_store),
		CASE(test_text_is_acknowledged_only_after_it_is_stored),
		CASE(test_text_that_comes_again_before_it_is_stored),
		CASE(test_acknowledgement_that_would_be_too_late),
		CASE(test_acknowledgement_does_not_wait_for_a_poll),
		CASE(test_acknowledgement_refused),
		CASE(test_one_refusal_is_not_three),
		CASE(test_who_is_acknowledged),
		CASE(test_family_that_must_not_be_asked),
	};

	log_keep();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
