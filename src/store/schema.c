/* schema.c - the tables, version by version, and what brings an older store up to date.
 *
 * A version is SQL that SQLite and PostgreSQL both take; it runs once, in one transaction, while no
 * other host writes. What holds there:
 * - TEXT for text, in capitals: on PostgreSQL it compares byte by byte, as on SQLite. INTEGER for
 *   what fits 32 bits, BIGINT for the rest, times and amounts among it. No other types.
 * - PRIMARY KEY, UNIQUE, NOT NULL, DEFAULT, partial indexes; CREATE TABLE and INDEX, ALTER TABLE
 *   ADD and DROP COLUMN, UPDATE, DELETE, INSERT ... SELECT. No AUTOINCREMENT, no WITHOUT ROWID.
 * - An index's columns together have at most 2700 bytes.
 * - Numbers that count up come from a row: UPDATE ... SET value = value + 1 ... RETURNING value.
 *   Writers take turns, so none is given twice.
 */
#include "store/store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Numbers of enum store_state stand in the tables and, literally, in partial indexes. */
_Static_assert(STORE_QUEUED == 0 && STORE_HELD == 1 && STORE_WITHHELD == 2 &&
		       STORE_UNCLAIMED == 3 && STORE_DELIVERED == 4 && STORE_REFUSED == 5 &&
		       STORE_DROPPED == 6,
	"states are stored: they are not renumbered");

/* Times are Unix milliseconds unless a name says otherwise; unknown is '' or 0.
 *
 * The same entry of a SIM is found by its whole PDU, not by a hash: it has a few hundred
 * characters, and a hash would have to come from somewhere. */
static const char version_1[] =
	"CREATE TABLE bank (name TEXT PRIMARY KEY, host TEXT NOT NULL);"

	"CREATE TABLE port (bank TEXT NOT NULL, slot TEXT NOT NULL, host TEXT NOT NULL,"
	" card_id TEXT NOT NULL, state TEXT NOT NULL, online INTEGER NOT NULL,"
	" since_ms BIGINT NOT NULL, PRIMARY KEY (bank, slot));"

	"CREATE TABLE module (bank TEXT NOT NULL, slot TEXT NOT NULL, imei TEXT NOT NULL,"
	" card_id TEXT NOT NULL, PRIMARY KEY (bank, slot));"

	/* file_named: the numbers file has a row for it. date_*: Unix seconds. */
	"CREATE TABLE card (card_id TEXT PRIMARY KEY, iccid TEXT NOT NULL DEFAULT '',"
	" imsi TEXT NOT NULL DEFAULT '', number_set TEXT NOT NULL DEFAULT '',"
	" number_file TEXT NOT NULL DEFAULT '', number_sim TEXT NOT NULL DEFAULT '',"
	" file_named INTEGER NOT NULL DEFAULT 0, label TEXT NOT NULL DEFAULT '',"
	" operator_code INTEGER NOT NULL DEFAULT 0, rent INTEGER NOT NULL DEFAULT -1,"
	" date_start_file BIGINT NOT NULL DEFAULT 0, date_stop BIGINT NOT NULL DEFAULT 0,"
	" price BIGINT NOT NULL DEFAULT 0, balance BIGINT NOT NULL DEFAULT 0,"
	" first_seen_ms BIGINT NOT NULL DEFAULT 0, last_seen_ms BIGINT NOT NULL DEFAULT 0);"

	"CREATE TABLE remote_number (platform TEXT NOT NULL, number TEXT NOT NULL,"
	" remote_id TEXT NOT NULL, PRIMARY KEY (platform, number));"

	/* undecodable: why, NULL for the others. idx -1: came without an index. */
	"CREATE TABLE pdu (id TEXT PRIMARY KEY, card_id TEXT NOT NULL, memory TEXT NOT NULL,"
	" idx INTEGER NOT NULL, raw TEXT NOT NULL, bank TEXT NOT NULL, slot TEXT NOT NULL,"
	" arrived_ms BIGINT NOT NULL, undecodable TEXT, deleted INTEGER NOT NULL DEFAULT 0,"
	" message_id TEXT, set_id TEXT);"
	"CREATE UNIQUE INDEX pdu_entry ON pdu (card_id, memory, idx, raw)"
	" WHERE deleted = 0 AND idx >= 0;"
	"CREATE INDEX pdu_set ON pdu (set_id) WHERE set_id IS NOT NULL;"
	"CREATE INDEX pdu_undecodable ON pdu (arrived_ms) WHERE undecodable IS NOT NULL;"

	/* joined_message_id '': the set is open. */
	"CREATE TABLE part_set (id TEXT PRIMARY KEY, card_id TEXT NOT NULL, sender TEXT NOT NULL,"
	" sender_type INTEGER NOT NULL, ref INTEGER NOT NULL, ref_bits INTEGER NOT NULL,"
	" total INTEGER NOT NULL, first_ms BIGINT NOT NULL,"
	" joined_message_id TEXT NOT NULL DEFAULT '');"
	"CREATE INDEX part_set_open ON part_set (card_id, ref, sender, id)"
	" WHERE joined_message_id = '';"
	"CREATE TABLE part (set_id TEXT NOT NULL, seq INTEGER NOT NULL, pdu_id TEXT NOT NULL,"
	" PRIMARY KEY (set_id, seq));"

	"CREATE TABLE message (id TEXT PRIMARY KEY, card_id TEXT NOT NULL, bank TEXT NOT NULL,"
	" slot TEXT NOT NULL, number TEXT NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,"
	" sent_ms BIGINT NOT NULL, arrived_ms BIGINT NOT NULL, parts INTEGER NOT NULL);"
	"CREATE INDEX message_arrived ON message (arrived_ms, id);"

	/* claimed_until_ms 0: nobody has it. The order of a card's texts is that of message_id.
	 * `state` stands in partial indexes too: the planner takes the index with most columns. */
	"CREATE TABLE delivery (message_id TEXT NOT NULL, platform TEXT NOT NULL,"
	" card_id TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL,"
	" next_ms BIGINT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
	" first_try_ms BIGINT NOT NULL DEFAULT 0, number_error_ms BIGINT NOT NULL DEFAULT 0,"
	" claimed_by TEXT NOT NULL DEFAULT '', claimed_until_ms BIGINT NOT NULL DEFAULT 0,"
	" done_ms BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (message_id, platform));"
	"CREATE INDEX delivery_queued ON delivery (platform, state, card_id, message_id)"
	" WHERE state = 0;"
	"CREATE INDEX delivery_claimed ON delivery (platform, state, card_id, claimed_until_ms)"
	" WHERE state = 0 AND claimed_until_ms > 0;"
	"CREATE INDEX delivery_unknown ON delivery (platform, state, next_ms)"
	" WHERE state = 0 AND reason = 'number_unknown';"
	"CREATE INDEX delivery_held ON delivery (card_id) WHERE state = 1;"
	"CREATE INDEX delivery_open ON delivery (message_id, platform) WHERE state <> 4;"
	"CREATE INDEX delivery_counts ON delivery (platform, state, message_id);";

/* pdu.owner: the card that a text came to, where card_id is a name of the module's own memory; ''
 * unknown. part_set.gap_ms: when it went out with a gap, 0 not. */
static const char version_2[] =
	"ALTER TABLE pdu ADD COLUMN owner TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE pdu ADD COLUMN tpdu_len INTEGER NOT NULL DEFAULT -1;"
	"UPDATE pdu SET owner = card_id WHERE memory = 'SM' AND undecodable IS NOT NULL;"
	"CREATE INDEX pdu_raw ON pdu (id) WHERE undecodable IS NOT NULL;"
	"ALTER TABLE part_set ADD COLUMN gap_ms BIGINT NOT NULL DEFAULT 0;"
	"CREATE INDEX part_set_key ON part_set (card_id, ref, sender, id);";

/* pin_refused: mark is a hash that the modem wing makes; the PIN itself is nowhere. */
static const char version_3[] =
	"ALTER TABLE card ADD COLUMN number_ussd TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE pin_refused (card_key TEXT PRIMARY KEY, mark BIGINT NOT NULL,"
	" refused_ms BIGINT NOT NULL);"
	"CREATE INDEX port_card ON port (card_id);";

/* takeoff: numbers whose cards can be replaced. Amounts in 1/10000. */
static const char version_4[] =
	"CREATE TABLE takeoff (number TEXT PRIMARY KEY, platform TEXT NOT NULL,"
	" sum BIGINT NOT NULL, profit BIGINT NOT NULL, said_ms BIGINT NOT NULL);";

/* message.erased_ms: when its words were erased, 0 not; chars: how many they were, then. pdu.head:
 * how many digits come before the text: what is left of raw once erased is 1. */
static const char version_5[] =
	"ALTER TABLE message ADD COLUMN erased_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE message ADD COLUMN chars INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX message_whole ON message (id) WHERE erased_ms = 0;"
	"ALTER TABLE pdu ADD COLUMN head INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE pdu ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX pdu_whole ON pdu (id) WHERE erased = 0;";

/* drain: ports off the list by an operator's word, until he takes it back; a mark stays while its
 * port has no row.
 *
 * tally: how many deliveries a platform has in each state, and with state -1 how many messages
 * there are. The triggers alone write it, in the transaction of what they count: delivery_counts is
 * needed no more, and the oldest that waits is found by the queued ones alone. */
#define VERSION_6 \
	"CREATE TABLE drain (bank TEXT NOT NULL, slot TEXT NOT NULL, since_ms BIGINT NOT NULL," \
	" PRIMARY KEY (bank, slot));" \
	"CREATE TABLE tally (platform TEXT NOT NULL, state INTEGER NOT NULL, n BIGINT NOT NULL," \
	" PRIMARY KEY (platform, state));" \
	"INSERT INTO tally SELECT platform, state, COUNT(*) FROM delivery GROUP BY platform, " \
	"state;" \
	"INSERT INTO tally SELECT '', -1, COUNT(*) FROM message;" \
	"DROP INDEX delivery_counts;" \
	"CREATE INDEX delivery_oldest ON delivery (platform, state, message_id) WHERE state = 0;"
static const char version_6_sqlite[] = VERSION_6
	"CREATE TRIGGER tally_delivery_added AFTER INSERT ON delivery BEGIN"
	" INSERT INTO tally VALUES (NEW.platform, NEW.state, 1)"
	" ON CONFLICT (platform, state) DO UPDATE SET n = n + 1; END;"
	"CREATE TRIGGER tally_delivery_moved AFTER UPDATE OF state ON delivery"
	" WHEN OLD.state <> NEW.state BEGIN"
	" UPDATE tally SET n = n - 1 WHERE platform = OLD.platform AND state = OLD.state;"
	" INSERT INTO tally VALUES (NEW.platform, NEW.state, 1)"
	" ON CONFLICT (platform, state) DO UPDATE SET n = n + 1; END;"
	"CREATE TRIGGER tally_delivery_gone AFTER DELETE ON delivery BEGIN"
	" UPDATE tally SET n = n - 1 WHERE platform = OLD.platform AND state = OLD.state; END;"
	"CREATE TRIGGER tally_message_added AFTER INSERT ON message BEGIN"
	" UPDATE tally SET n = n + 1 WHERE platform = '' AND state = -1; END;"
	"CREATE TRIGGER tally_message_gone AFTER DELETE ON message BEGIN"
	" UPDATE tally SET n = n - 1 WHERE platform = '' AND state = -1; END;";

static const char version_6_postgres[] = VERSION_6
	"CREATE FUNCTION tally_delivery() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	" IF TG_OP <> 'INSERT' THEN UPDATE tally SET n = n - 1"
	" WHERE platform = OLD.platform AND state = OLD.state; END IF;"
	" IF TG_OP <> 'DELETE' THEN INSERT INTO tally VALUES (NEW.platform, NEW.state, 1)"
	" ON CONFLICT (platform, state) DO UPDATE SET n = tally.n + 1; END IF;"
	" RETURN NULL; END $$;"
	"CREATE TRIGGER tally_delivery AFTER INSERT OR DELETE OR UPDATE OF state ON delivery"
	" FOR EACH ROW EXECUTE FUNCTION tally_delivery();"
	"CREATE FUNCTION tally_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	" UPDATE tally SET n = n + CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE -1 END"
	" WHERE platform = '' AND state = -1; RETURN NULL; END $$;"
	"CREATE TRIGGER tally_message AFTER INSERT OR DELETE ON message"
	" FOR EACH ROW EXECUTE FUNCTION tally_message();";

/* Orders. Money in 1/10000. counter: what must never be given twice. An activation's token is made
 * by who asks for it, so that asking again finds it; due_ms: when it ends by itself, 0 never.
 * used.changed grows with each change of a row. A ledger id is the entry's own: a charge and a
 * refund can be there once per activation, an opening once per name. customer.host: whose
 * configuration has him, '' by hand. */
static const char version_7[] =
	"CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
	"INSERT INTO counter (name, value) VALUES ('activation', 0), ('used', 0);"

	"CREATE TABLE activation (id BIGINT PRIMARY KEY, token TEXT NOT NULL UNIQUE,"
	" seller TEXT NOT NULL, customer TEXT NOT NULL, service TEXT NOT NULL,"
	" country TEXT NOT NULL, operator_name TEXT NOT NULL, number TEXT NOT NULL,"
	" card_id TEXT NOT NULL, bank TEXT NOT NULL, slot TEXT NOT NULL, rent INTEGER NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 0, finish_status INTEGER NOT NULL DEFAULT 0,"
	" reason TEXT NOT NULL DEFAULT '', opened_ms BIGINT NOT NULL,"
	" closed_ms BIGINT NOT NULL DEFAULT 0, expires_ms BIGINT NOT NULL, due_ms BIGINT NOT NULL,"
	" price BIGINT NOT NULL, refunded BIGINT NOT NULL DEFAULT 0, sum BIGINT NOT NULL,"
	" texts INTEGER NOT NULL DEFAULT 0, withheld INTEGER NOT NULL DEFAULT 0,"
	" first_text_ms BIGINT NOT NULL DEFAULT 0, last_text_ms BIGINT NOT NULL DEFAULT 0,"
	" last_message_id TEXT NOT NULL DEFAULT '', wait_retry INTEGER NOT NULL DEFAULT 0,"
	" answered INTEGER NOT NULL DEFAULT 0);"
	"CREATE UNIQUE INDEX activation_number ON activation (number) WHERE state = 0;"
	"CREATE UNIQUE INDEX activation_card ON activation (card_id) WHERE state = 0;"
	"CREATE INDEX activation_due ON activation (due_ms) WHERE state = 0 AND due_ms > 0;"
	"CREATE INDEX activation_customer ON activation (customer, id);"
	"CREATE INDEX activation_closed ON activation (closed_ms) WHERE state > 0;"
	"CREATE INDEX activation_ordered ON activation (card_id, opened_ms);"

	"CREATE TABLE used (seller TEXT NOT NULL, service TEXT NOT NULL, number TEXT NOT NULL,"
	" sold INTEGER NOT NULL, cancelled INTEGER NOT NULL, cancelled_ms BIGINT NOT NULL,"
	" changed BIGINT NOT NULL, PRIMARY KEY (seller, service, number));"
	"CREATE INDEX used_changed ON used (changed);"

	"CREATE TABLE bank_sell (bank TEXT NOT NULL, seller TEXT NOT NULL,"
	" PRIMARY KEY (bank, seller));"
	"CREATE TABLE card_sell (card_id TEXT NOT NULL, seller TEXT NOT NULL,"
	" PRIMARY KEY (card_id, seller));"

	"CREATE TABLE customer (name TEXT PRIMARY KEY, key_hash TEXT NOT NULL,"
	" host TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,"
	" gone INTEGER NOT NULL DEFAULT 0, balance BIGINT NOT NULL DEFAULT 0,"
	" created_ms BIGINT NOT NULL);"
	"CREATE INDEX customer_key ON customer (key_hash);"
	"CREATE TABLE ledger (id TEXT PRIMARY KEY, customer TEXT NOT NULL, at_ms BIGINT NOT NULL,"
	" amount BIGINT NOT NULL, activation_id BIGINT NOT NULL, kind TEXT NOT NULL,"
	" note TEXT NOT NULL);"
	"CREATE INDEX ledger_customer ON ledger (customer, at_ms, id);"

	"ALTER TABLE delivery ADD COLUMN activation_id BIGINT NOT NULL DEFAULT 0;"
	"CREATE INDEX delivery_activation ON delivery (activation_id, message_id)"
	" WHERE activation_id > 0;";

/* Hosts. Times of host and lease are the database's. host.token: the process, '' once it has
 * stopped; stale: not heard of until fresh_until_ms, its ports count no more. lease.fence grows
 * with each new holder. listed: the list that a platform accepted last. counter: pool grows with
 * each change of what can be sold, sync with each wish for a list now, synced is the last of these
 * that was heard. card.file_host: whose numbers file names it, '' of before there were several. */
static const char version_8[] =
	"CREATE TABLE host (name TEXT PRIMARY KEY, token TEXT NOT NULL, version TEXT NOT NULL,"
	" started_ms BIGINT NOT NULL, seen_ms BIGINT NOT NULL, fresh_until_ms BIGINT NOT NULL,"
	" stale INTEGER NOT NULL DEFAULT 0, settled INTEGER NOT NULL DEFAULT 0,"
	" ports INTEGER NOT NULL DEFAULT 0, ready INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, token TEXT NOT NULL,"
	" fence BIGINT NOT NULL, until_ms BIGINT NOT NULL);"
	"CREATE TABLE listed (platform TEXT PRIMARY KEY, host TEXT NOT NULL, fence BIGINT NOT NULL,"
	" numbers BIGINT NOT NULL, sent_ms BIGINT NOT NULL);"
	"INSERT INTO counter (name, value) VALUES ('pool', 0), ('sync', 0), ('synced', 0);"
	"ALTER TABLE card ADD COLUMN file_host TEXT NOT NULL DEFAULT '';";

_Static_assert(STORE_ACTIVATION_OPEN == 0 && STORE_ACTIVATION_SOLD == 1 &&
		       STORE_ACTIVATION_CANCELLED == 2 && STORE_ACTIVATION_REFUSED == 3 &&
		       STORE_ACTIVATION_REFUNDED == 4 && STORE_ACTIVATION_RELEASED == 5,
	"states are stored: they are not renumbered");

/* sim_row: which card a switch of the bank has shown there, '' none; line_no: the control line;
 * rows and columns count from 1. */
static const char version_9[] =
	"CREATE TABLE sim_row (bank TEXT NOT NULL, line_no INTEGER NOT NULL,"
	" column_no INTEGER NOT NULL, row_no INTEGER NOT NULL, card_id TEXT NOT NULL,"
	" seen_ms BIGINT NOT NULL, PRIMARY KEY (bank, line_no, column_no, row_no));";

/* host.instance: a key that only its newest process can know, '' of before there was one. erasure:
 * when all of a number was erased, in the database's time: what other hosts' journals still have of
 * it is erased as it comes. */
static const char version_10[] =
	"ALTER TABLE host ADD COLUMN instance TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE erasure (number TEXT PRIMARY KEY, at_ms BIGINT NOT NULL);";

/* PostgreSQL leaves out of a search what the index' own condition says already: with `state` in
 * front of the card it walked the queues of all cards. */
static const char version_11_postgres[] =
	"DROP INDEX delivery_queued; DROP INDEX delivery_claimed; DROP INDEX delivery_unknown;"
	"DROP INDEX delivery_oldest;"
	"CREATE INDEX delivery_queued ON delivery (platform, card_id, message_id) WHERE state = 0;"
	"CREATE INDEX delivery_claimed ON delivery (platform, card_id, claimed_until_ms)"
	" WHERE state = 0 AND claimed_until_ms > 0;"
	"CREATE INDEX delivery_unknown ON delivery (platform, next_ms)"
	" WHERE state = 0 AND reason = 'number_unknown';"
	"CREATE INDEX delivery_oldest ON delivery (platform, message_id) WHERE state = 0;";

/* The row at [n] makes version n + 1 out of version n; sqlite: in the place of sql there. */
static const struct {
	const char *sql, *sqlite;
} versions[] = {
	{ version_1, NULL },
	{ version_2, NULL },
	{ version_3, NULL },
	{ version_4, NULL },
	{ version_5, NULL },
	{ version_6_postgres, version_6_sqlite },
	{ version_7, NULL },
	{ version_8, NULL },
	{ version_9, NULL },
	{ version_10, NULL },
	{ version_11_postgres, "" },
};
enum { SCHEMA_VERSION = sizeof(versions) / sizeof(versions[0]) };

static int read_version(void *arg, const struct backend_value *cols, size_t count)
{
	(void)count;
	*(int64_t *)arg = cols[0].num;
	return 0;
}

static int upgrade_steps(const struct store_db *db, int64_t version)
{
	for (int64_t v = version; v < SCHEMA_VERSION; v++) {
		int err = db->backend->script(db->conn, versions[v].sql, versions[v].sqlite);
		if (err)
			return err;
	}
	if (version == SCHEMA_VERSION)
		return 0;
	int64_t n = db->backend->exec(
		db->conn, STMT_VERSION_SET, ARGS(INT(SCHEMA_VERSION)), NULL, NULL);
	return n < 0 ? (int)n : 0;
}

static int upgrade(const struct store_db *db, int64_t *version)
{
	int err = db->backend->script(db->conn,
		"CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
		NULL);
	if (err)
		return err;
	int64_t n = db->backend->exec(db->conn, STMT_VERSION_GET, NULL, 0, read_version, version);
	if (n < 0)
		return (int)n;
	if (*version < 0 || *version > SCHEMA_VERSION)
		return -EPROTONOSUPPORT;
	return upgrade_steps(db, *version);
}

int schema_upgrade(const struct store_db *db, const char *path, char *why, size_t why_size)
{
	int64_t version = 0;
	int err = db->backend->begin(db->conn, true);
	if (!err)
		err = upgrade(db, &version);
	if (!err)
		err = db->backend->commit(db->conn);
	if (err >= 0)
		return 0;

	if (err == -EPROTONOSUPPORT)
		snprintf(why, why_size,
			"%s was written by a newer simgate (its schema is version %lld, this one "
			"knows %d): install that version, or restore an older copy of it",
			path, (long long)version, SCHEMA_VERSION);
	else if (err == -EBUSY)
		snprintf(why, why_size, "%s is in use by another program", path);
	else
		snprintf(why, why_size, "cannot prepare %s: %s (%s)%s", path,
			db->backend->error(db->conn), strerror(-err),
			err == -EACCES ? ": its user must own the database, or have CREATE on the "
					 "schema"
				       : "");
	db->backend->rollback(db->conn);
	return err;
}
