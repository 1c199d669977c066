/* modem_sms.c - the memories for texts: listed, emptied entry by entry after the commit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at/at_args.h"
#include "modem/modem_impl.h"

enum {
	LIST_SILENCE_MS = 20000, /* inside a listing; 50 entries at 9600 baud take 20 s in all */
	DELETE_MS = 10000,
	EMPTY_MS = 600000, /* listings that show nothing for so long are believed */
	AGAIN_MS =
		2000, /* a listing that lost something, or a store in trouble: again after this */
	SETUP_AFTER =
		3, /* failures to read in a row: set up anew, the module may have forgotten it */
	DEAF_AFTER = 6, /* and then the modem is brought back by stronger means */
};

/* ---- whose text ----------------------------------------------------------------------------- */

static const char *memory_name(const struct modem *modem)
{
	return modem->sms.selected < 0 ? "" : modem->sms.memories[modem->sms.selected];
}

/* The module's own memory stays when the card is changed; the card's goes with it. */
static bool module_memory(const char *memory)
{
	return strcmp(memory, "ME") == 0 || strcmp(memory, "MT") == 0;
}

/* To which card an entry came; "" if nobody can tell. What was in the module's memory before the
 * card came is another's. In one without a name, or both in one (MT), it may be anybody's, unless
 * it is the same card as before. */
static const char *whose(const struct modem *modem, const char *memory)
{
	const char *owner = modem->module.owner;

	if (strcmp(memory, "SM") == 0 || modem->sms.current & 1U << modem->sms.selected)
		return modem->card_id;
	return strcmp(memory, "ME") == 0 || strcmp(owner, modem->card_id) == 0 ? owner : "";
}

void modem_module_key(const struct modem *modem, char *out, size_t size)
{
	snprintf(out, size, "me-%s-%.100s", modem->imei[0] ? modem->imei : "unknown", modem->id);
}

/* Under which name the entries of a memory are remembered: the card's, or the module's. */
static void memory_key(const struct modem *modem, const char *memory, char *out, size_t size)
{
	if (module_memory(memory))
		modem_module_key(modem, out, size);
	else
		snprintf(out, size, "%s", modem->card_id);
}

/* ---- into the store ------------------------------------------------------------------------- */

static void list_again(struct modem *modem)
{
	if (!loop_timer_active(&modem->retry_timer))
		loop_timer_start(&modem->retry_timer, AGAIN_MS);
}

static void on_stored(void *owner, int err, bool same_entry)
{
	struct modem_entry *entry = owner;
	struct modem *modem = entry->modem;

	entry->storing = false;
	if (!modem) { /* the card left meanwhile; what is stored is stored */
		free(entry);
		return;
	}
	if (err) {
		modem->errors++;
		if (entry->stayed)
			entry->deleted = true; /* still no new one */
		else
			modem_entry_drop(modem, entry);
		list_again(modem);
		return;
	}
	entry->stored = true;
	if (!same_entry)
		modem->received++;
	modem_work_soon(modem);
}

static void store_entry(struct modem *modem, struct modem_entry *entry, int tpdu_len)
{
	const struct modem_sms *sms = &modem->sms;
	char key[STORE_CARD_SIZE];
	struct inbox_entry in = {
		.port_id = modem->id,
		.bank = modem->bank,
		.slot = modem->slot,
		.key = key,
		.card_id = whose(modem, entry->memory),
		.memory = entry->memory,
		.index = entry->index,
		.tpdu_len = tpdu_len,
		.pdu = entry->pdu,
		.stayed = entry->stayed,
		.shifted = !(sms->placed & 1U << sms->selected),
	};

	memory_key(modem, entry->memory, key, sizeof key);
	entry->storing = true;
	inbox_put(modem->env->inbox, &in, on_stored, entry);
}

/* What was deleted is there, and nothing was announced for its index since: worn-out cards say OK
 * and keep what they have. */
static void note_stayed(struct modem *modem, struct modem_entry *entry)
{
	if (!modem->sms.lies)
		log_warning(LOGC_SMS, modem->id, NULL, LOG_FIELDS(LOG_INT("index", entry->index)),
			"the card says that it deleted a text, and still has it: it is worn out, "
			"replace it");
	modem->sms.lies = true;
	modem->errors++;
	entry->stayed = true;
	entry->stored = entry->deleted = false;
}

/* The entry is whole, or will not get better. */
static void take_entry(struct modem *modem, const struct cmgl_entry *shown)
{
	const char *memory = memory_name(modem);
	struct modem_entry *entry = modem_entry_find(modem, memory, shown->index, shown->hex);

	if (entry && !entry->deleted) {
		entry->seen = true;
		entry->doubted = false;
		return;
	}
	if (entry)
		note_stayed(modem, entry);
	else
		entry = modem_entry_add(modem, memory, shown->index, shown->hex);
	if (!entry) {
		modem->sms.damaged = true;
		return;
	}
	entry->seen = true; /* now: what follows may drop it */
	store_entry(modem, entry, shown->tpdu_len);
}

/* ---- listings ------------------------------------------------------------------------------- */

/* Of a short one bytes were lost on the way: the next listing shows it whole. If that one shows the
 * very same, it is what the memory holds. An entry whose header was lost is there all the same.
 * Once the card may be another one, what is shown may be that one's. */
static void on_entry(void *arg, const struct cmgl_entry *shown)
{
	struct modem *modem = arg;
	struct modem_sms *sms = &modem->sms;

	if (!modem->card_wanted &&
		(shown->kind == CMGL_WHOLE ||
			(shown->kind == CMGL_SHORT && cmgl_shorts_again(&sms->shorts, sms->listings,
							      sms->selected, shown)))) {
		take_entry(modem, shown);
		return;
	}
	sms->damaged = true;
	modem->errors += shown->kind == CMGL_SHORT;
}

static bool on_list_header(void *owner, const char *line)
{
	struct modem *modem = owner;

	cmgl_header(&modem->sms.list, line);
	return true;
}

static bool on_list_bare(void *owner, const char *line)
{
	struct modem *modem = owner;

	return cmgl_bare(&modem->sms.list, line);
}

static void put_list(void *owner, struct at_text *text)
{
	struct modem *modem = owner;

	at_put(text, modem->sms.list_by_name ? "+CMGL=\"ALL\"" : "+CMGL=4");
}

AT_SCRIPT(list, { .build = put_list,
			.prefix = "+CMGL",
			.fn = on_list_header,
			.bare_fn = on_list_bare,
			.timeout_ms = LIST_SILENCE_MS });

/* The card may come from another module, which counts from another number: what the store has of it
 * is found by its PDU in the first good listing, by its index afterwards. */
static void tell_moved(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;
	unsigned bit = 1U << sms->selected;

	if (!(sms->moved & bit) && !module_memory(memory_name(modem)))
		store_entries_moved(
			modem->env->store, modem->card_id, memory_name(modem), NULL, NULL);
	sms->moved |= bit;
}

static void start_listing(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;

	sms->wanted &= ~(1U << sms->selected);
	sms->damaged = false;
	sms->listings++;
	/* What the last listing of this memory showed counts: the memories take turns. */
	cmgl_shorts_age(&sms->shorts, sms->listings, (unsigned)sms->memory_count);
	cmgl_begin(&sms->list, on_entry, modem);
	tell_moved(modem);
	for (size_t i = 0; i < sms->count; i++)
		sms->entries[i]->seen = false;
	modem_run(modem, JOB_LIST, &list);
}

/* Some modules say for a while that there is nothing (after a start, or when they are sick) and
 * show it all again later: that nothing is there proves itself by lasting only. */
static bool believed(struct modem *modem, size_t count)
{
	int64_t *empty_ms = &modem->sms.empty_ms[modem->sms.selected];

	if (count > 0)
		*empty_ms = 0;
	else if (*empty_ms == 0)
		*empty_ms = loop_now_ms(modem->env->loop);
	return count > 0 || loop_ran_since(modem->env->loop, *empty_ms) >= EMPTY_MS;
}

/* What a whole listing does not show is no longer there, whatever AT+CMGD said of it. */
static void tell_what_is_left(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;
	const char *memory = memory_name(modem);
	unsigned bit = 1U << sms->selected;
	char key[STORE_CARD_SIZE];
	int indices[MODEM_LISTING_MAX];
	size_t count = 0;

	for (size_t i = 0; i < sms->count;) {
		struct modem_entry *entry = sms->entries[i];
		if (strcmp(entry->memory, memory) != 0 || entry->seen || entry->storing) {
			if (strcmp(entry->memory, memory) == 0)
				indices[count++] = entry->index;
			i++;
		} else {
			if (!entry->deleted)
				sms->sure &= ~bit;
			modem_entry_drop(modem, entry);
		}
	}
	if (!believed(modem, count))
		return;
	sms->placed |= bit;
	if (sms->sure & bit)
		return;
	if (count == 0) /* an index that is in use again hides what was there before */
		sms->sure |= bit;
	memory_key(modem, memory, key, sizeof key);
	store_entries_listed(modem->env->store, key, memory, indices, count, NULL, NULL);
}

/* The memory that receives is tried until it can be read: its texts would wait unseen. A second one
 * waits for the next sweep in the end. */
static void read_failed(struct modem *modem, int memory, const char *why)
{
	struct modem_sms *sms = &modem->sms;
	int n = ++sms->read_failures[memory];

	modem->poll_wanted = true; /* is the card still there? */
	if (memory == 0 || n <= SETUP_AFTER)
		list_again(modem);
	if (memory > 0)
		return;
	if (n >= DEAF_AFTER) {
		snprintf(modem->fsm.why, sizeof modem->fsm.why, "deaf: texts cannot be read, %s",
			why);
		fsm_post(&modem->fsm, EV_DEAF, 0);
	} else if (n % SETUP_AFTER == 0) {
		modem_setup_begin(modem);
	}
}

static void read_well(struct modem *modem)
{
	modem->sms.read_failures[modem->sms.selected] = 0;
}

/* A good one: what it showed is what there is. */
static void swept(struct modem *modem)
{
	modem->listings_failed = 0;
	modem->sms.last_sweep_ms = loop_now_ms(modem->env->loop);
	modem->sms.last_sweep_wall_ms = loop_wall_ms(modem->env->loop);
	if (modem->deaf) {
		modem->deaf = false;
		log_notice(LOGC_SMS, modem->id, NULL, NULL, "texts can be read again");
		modem_update_online(modem);
	}
	modem_look_well(modem);
}

/* What repeats is said the 1st, 2nd, 4th, 8th, ... time. */
static void tell_failed(struct modem *modem, const char *why)
{
	unsigned n = ++modem->listings_failed;

	if ((n & (n - 1)) == 0)
		log_info(LOGC_SMS, modem->id, NULL,
			LOG_FIELDS(LOG_INT("n", n), LOG_STR("reason", why)),
			"listing failed; it is repeated");
}

static void listing_over(struct modem *modem, const struct at_report *report)
{
	struct modem_sms *sms = &modem->sms;
	char text[96];

	if (report->result == AT_OK)
		cmgl_end(&sms->list);
	if (report->result != AT_OK) {
		modem->errors++;
		modem_report_text(report, text, sizeof text);
		tell_failed(modem, text);
		if (report->result == AT_FAILED && modem->driver->quirks & QUIRK_LIST_BY_NAME)
			sms->list_by_name = !sms->list_by_name;
		read_failed(modem, sms->selected, text);
		return;
	}
	read_well(modem);
	if (sms->damaged) {
		list_again(modem);
		return;
	}
	tell_what_is_left(modem);
	if (strcmp(memory_name(modem), "SM") != 0)
		modem->module.unread = false;
	sms->current |= 1U << sms->selected;
	modem->held_read |= 1U << sms->selected;
	swept(modem);
}

/* ---- deleting ------------------------------------------------------------------------------- */

/* The store could not note a deletion: the next whole listing tells it. */
static void on_deletion_noted(void *arg, int err)
{
	struct modem *modem = arg;

	modem->pending--;
	if (err)
		modem->sms.sure = 0;
}

/* None before all that is known is durable: a noisy line may make another index of this one. */
static struct modem_entry *to_delete(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;
	struct modem_entry *other = NULL;

	for (size_t i = 0; i < sms->count; i++)
		if (sms->entries[i]->storing)
			return NULL;
	for (size_t i = 0; i < sms->count; i++) {
		if (!sms->entries[i]->stored || sms->entries[i]->deleted ||
			sms->entries[i]->doubted)
			continue;
		if (strcmp(sms->entries[i]->memory, memory_name(modem)) == 0)
			return sms->entries[i];
		other = sms->entries[i];
	}
	return other;
}

static void put_delete(void *owner, struct at_text *text)
{
	struct modem *modem = owner;

	at_put(text, "+CMGD=");
	at_put_int(text, modem->sms.deleting->index); /* no second value: MC55i refuses it */
}

AT_SCRIPT(delete, { .build = put_delete, .timeout_ms = DELETE_MS });

static void deleted(struct modem *modem, struct modem_entry *entry)
{
	char key[STORE_CARD_SIZE];
	struct store_entry gone = { key, entry->memory, entry->index, entry->pdu };

	modem->sms.delete_failures = 0;
	if (modem->sms.lies) {
		modem->sms.sure = 0;
	} else {
		memory_key(modem, entry->memory, key, sizeof key);
		modem->pending++;
		store_entry_deleted(modem->env->store, &gone, on_deletion_noted, modem);
	}
	entry->deleted = true;
	if (entry->doubted) /* another one is there */
		modem_entry_drop(modem, entry);
}

static void delete_over(struct modem *modem, const struct at_report *report)
{
	struct modem_sms *sms = &modem->sms;
	struct modem_entry *entry = sms->deleting;
	char text[96];

	sms->deleting = NULL;
	if (!entry)
		return;
	if (report->result == AT_OK) {
		deleted(modem, entry);
	} else {
		modem->errors++;
		modem_report_text(report, text, sizeof text);
		if (sms->delete_failures++ == 0)
			log_warning(LOGC_SMS, modem->id, NULL,
				LOG_FIELDS(LOG_STR("reason", text), LOG_INT("index", entry->index)),
				"a stored text could not be deleted from the card; it is tried "
				"again");
		sms->sure = 0; /* it may be gone all the same */
		if (sms->delete_failures < 4)
			list_again(modem); /* later the sweep looks after it */
		modem_entry_drop(modem, entry);
	}
}

void modem_sms_script(struct modem *modem, enum modem_job job, const struct at_report *report)
{
	if (job == JOB_LIST)
		listing_over(modem, report);
	else
		delete_over(modem, report);
}

void modem_sms_unselected(struct modem *modem, int memory)
{
	struct modem_sms *sms = &modem->sms;

	sms->selected = -1;
	sms->wanted &= ~(1U << memory);
	for (size_t i = 0; i < sms->count;)
		if (strcmp(sms->entries[i]->memory, sms->memories[memory]) == 0)
			modem_entry_drop(modem, sms->entries[i]);
		else
			i++;
	read_failed(modem, memory, "its memory cannot be selected");
}

void modem_sms_end(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;

	while (sms->count > 0)
		modem_entry_drop(modem, sms->entries[sms->count - 1]);
	loop_timer_stop(&modem->retry_timer);
	sms->step = 0;
	sms->memory_count = 0;
	sms->selected = -1;
	sms->wanted = sms->sure = sms->current = sms->moved = sms->placed = 0;
	sms->shorts.count = 0;
	sms->delete_failures = 0;
	memset(sms->read_failures, 0, sizeof sms->read_failures);
	memset(sms->empty_ms, 0, sizeof sms->empty_ms);
	sms->indications = sms->list_by_name = sms->lies = false;
	sms->last_sweep_ms = sms->last_sweep_wall_ms = 0;
}

void modem_sms_want(struct modem *modem, const char *memory)
{
	struct modem_sms *sms = &modem->sms;
	unsigned all = (1U << sms->memory_count) - 1, bit = 0;

	for (int i = 0; memory && i < sms->memory_count; i++)
		if (strcmp(sms->memories[i], memory) == 0)
			bit = 1U << i;
	sms->wanted |= bit ? bit : all;
}

bool modem_sms_next(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;
	struct modem_entry *entry;

	if (!modem_setup_done(modem))
		return false;
	entry = to_delete(modem);
	if (entry && strcmp(entry->memory, memory_name(modem)) == 0) {
		sms->deleting = entry;
		modem_run(modem, JOB_DELETE, &delete);
		return true;
	}
	if (sms->selected >= 0 && sms->wanted & 1U << sms->selected) {
		start_listing(modem);
		return true;
	}
	for (int i = 0; i < sms->memory_count; i++) {
		bool here = entry && strcmp(entry->memory, sms->memories[i]) == 0;
		if (i != sms->selected && (here || sms->wanted & 1U << i)) {
			modem_setup_select(modem, i);
			return true;
		}
	}
	return false;
}

void modem_cut_poll(struct modem *modem)
{
	if (modem->job != JOB_POLL || modem->card_doubted || modem->poll_cut != POLL_WHOLE)
		return;
	modem->poll_cut = POLL_CUT;
	at_yield(&modem->at);
}

/* A text has come to an index: what was there is deleted, or replaced (TS 23.040 9.2.3.9). What is
 * there now is not deleted before it is read. */
static void doubt(struct modem *modem, const char *memory, int index)
{
	struct modem_sms *sms = &modem->sms;

	for (size_t i = 0; i < sms->count; i++) {
		struct modem_entry *entry = sms->entries[i];
		if (entry->index != index || strcmp(entry->memory, memory) != 0)
			continue;
		entry->doubted = true;
		if (entry->deleted) {
			modem_entry_drop(modem, entry);
			i--;
		}
	}
}

/* Listings that show nothing are right about an index at which a text arrives. */
static void forget_index(struct modem *modem, const char *memory, int index)
{
	const struct modem_sms *sms = &modem->sms;
	char key[STORE_CARD_SIZE];
	struct store_entry gone = { key, memory, index, NULL };

	for (int i = 0; i < sms->memory_count; i++)
		if (strcmp(sms->memories[i], memory) == 0 && sms->empty_ms[i] &&
			!(sms->sure & 1U << i)) {
			memory_key(modem, memory, key, sizeof key);
			store_entry_deleted(modem->env->store, &gone, NULL, NULL);
		}
}

/* +CMTI: memory,index: a hint. What it names is looked at, all of it. */
bool modem_on_cmti(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+CMTI");
	char memory[8] = "";
	int index;

	at_args_text(&args, memory, sizeof memory);
	if (at_args_int(&args, 0, CMGL_INDEX_MAX, &index)) {
		doubt(modem, memory, index);
		forget_index(modem, memory, index);
	}
	modem_sms_want(modem, memory);
	modem_cut_poll(modem); /* a text does not wait for it */
	modem_work_soon(modem);
	return true;
}

size_t modem_unstored(const struct modem *modem)
{
	size_t count = modem_direct_unstored(modem);

	for (size_t i = 0; i < modem->sms.count; i++)
		count += !modem->sms.entries[i]->stored;
	return count;
}
