/* store_sql.c - every statement of the store, by number. States: 0 queued, 1 held, 2 withheld,
 * 3 unclaimed, 4 delivered, 5 refused, 6 dropped (enum store_state).
 *
 * A statement is written once, in what SQLite and PostgreSQL both know; where that cannot be, the
 * third column is SQLite's own. What is common:
 * - Parameters are ?1, ?2, ...; INT() is a BIGINT and TXT() a TEXT on both, so no casts are needed.
 * - INSERT ... ON CONFLICT (columns) DO NOTHING or DO UPDATE, RETURNING, WITH RECURSIVE (no INSERT
 *   or UPDATE in it), CASE, COALESCE, NULLIF, EXISTS, LIMIT and OFFSET, MIN MAX COUNT SUM, ||.
 * - Not common: INSERT OR IGNORE, IFNULL, MAX(a, b), GLOB, LIKE without case, a number as a
 *   condition (write x = 1), an aggregate beside a bare column, an alias in UPDATE ... SET, dates.
 * - A subquery in FROM has a name. What decides an order is in ORDER BY, to the last tie.
 * - FOR UPDATE and SKIP LOCKED are not needed: a job that writes has the store for itself (see
 *   store_postgres.c), so what it has read holds until its end.
 * - A verb that may write says so (struct store_verb): what only reads has no turn, and cannot.
 * - Leases and what is due stand in the database's time: add store_ahead_ms() to what a caller
 *   says, take it off what a caller is told.
 */
#include "store/store_impl.h"

/* Which of a card's numbers counts (enum store_source says by what rule), and why none does. */
#define DECLARED_DIFFER \
	"(c.number_set <> '' AND c.number_file <> '' AND c.number_set <> c.number_file)"
#define DISCOVERED_DIFFER \
	"(c.number_set = '' AND c.number_file = '' AND c.number_sim <> ''" \
	" AND c.number_ussd <> '' AND c.number_sim <> c.number_ussd)"
#define CONFLICT "(" DECLARED_DIFFER " OR " DISCOVERED_DIFFER ")"
#define NUMBER \
	"CASE WHEN " CONFLICT " THEN '' ELSE COALESCE(NULLIF(c.number_set, '')," \
	" NULLIF(c.number_file, ''), NULLIF(c.number_sim, ''), c.number_ussd) END"
#define SOURCE \
	"CASE WHEN " CONFLICT " THEN 0 WHEN c.number_set <> '' THEN 4" \
	" WHEN c.number_file <> '' THEN 3 WHEN c.number_sim <> '' THEN 2" \
	" WHEN c.number_ussd <> '' THEN 1 ELSE 0 END"

/* store_verdict() reads it. */
#define VERDICT \
	NUMBER ", " SOURCE ", CASE WHEN " CONFLICT " THEN 1 ELSE 0 END," \
	       " c.number_ussd, c.number_sim, c.number_file, c.number_set"
_Static_assert(STORE_NUMBER_UNKNOWN == 0 && STORE_NUMBER_USSD == 1 && STORE_NUMBER_SIM == 2 &&
		       STORE_NUMBER_FILE == 3 && STORE_NUMBER_SET == 4,
	"sources stand in SQL as numbers");

/* Of several ports that have the card: the one online, else the newest. */
#define BETTER(q, p) \
	"(" q ".online > " p ".online OR (" q ".online = " p ".online AND (" q ".since_ms > " p \
	".since_ms OR (" q ".since_ms = " p ".since_ms AND (" q ".bank > " p ".bank OR (" q \
	".bank = " p ".bank AND " q ".slot > " p ".slot))))))"

/* Whether a port's card may be sold; see store_drain(). */
#define SELLABLE(p) \
	p ".online = 1 AND EXISTS (SELECT 1 FROM host f WHERE f.name = " p \
	  ".host AND f.stale = 0) AND NOT EXISTS (SELECT 1 FROM drain x WHERE x.bank = " p \
	  ".bank AND x.slot = " p ".slot)"

#define DRAINED_CARD "COALESCE(NULLIF(p.card_id, ''), m.card_id)"

/* A set is for the host whose bank its newest part came to: that one knows who sells the card. The
 * others leave it alone while that host lives. host '': there is one host only. */
#define SET_IS_OF(host) \
	"(" host " = '' OR COALESCE((SELECT k.host FROM part o JOIN pdu e ON e.id = o.pdu_id" \
	" JOIN bank k ON k.name = e.bank JOIN host f ON f.name = k.host AND f.stale = 0" \
	" WHERE o.set_id = s.id ORDER BY e.id DESC LIMIT 1), " host ") = " host ")"

/* Whether the numbers file that names card c is ?1's to speak of: its own, one of before there were
 * several hosts, or of a host that is there no more. '': there is one host only. */
#define FILE_IS_OURS \
	"(?1 = '' OR card.file_host IN (?1, '') OR NOT EXISTS" \
	" (SELECT 1 FROM host f WHERE f.name = card.file_host))"

/* ?7 the part's seq, ?8 since when, ?9 its PDU */
#define SET_KEY \
	"s.card_id = ?1 AND s.sender = ?2 AND s.sender_type = ?3 AND s.ref = ?4" \
	" AND s.ref_bits = ?5 AND s.total = ?6"
/* An erased PDU is its head alone. */
#define SAME_PDU(t, raw) \
	"(" t ".raw = " raw " OR (" t ".head > 0 AND " t ".raw = SUBSTR(" raw ", 1, " t ".head)))"
/* An index that counts no more: past all of listings. */
#define MOVED     "1000000"
#define SET_OPEN  SET_KEY " AND s.joined_message_id = '' AND s.first_ms >= ?8"
#define SET_LACKS " AND NOT EXISTS (SELECT 1 FROM part p WHERE p.set_id = s.id AND p.seq = ?7)"
#define NEWEST    " s.id DESC LIMIT 1"
/* A part that was sent in the same second; ?9 where its time stamp begins, ?10 that. */
#define SAME_STAMP \
	"EXISTS (SELECT 1 FROM part o JOIN pdu d ON d.id = o.pdu_id WHERE o.set_id = s.id" \
	" AND d.head > ?9 AND SUBSTR(d.raw, CAST(d.head - ?9 + 1 AS INTEGER), 12) = ?10)"

#define MESSAGE_COLUMNS \
	"m.id, COALESCE(d.platform, ''), m.bank, m.slot, m.number, m.card_id, m.sender, m.text," \
	" COALESCE(d.state, 3), COALESCE(d.reason, ''), m.arrived_ms, m.sent_ms," \
	" COALESCE(d.done_ms, 0), COALESCE(d.next_ms, 0), COALESCE(d.attempts, 0), m.parts," \
	" m.erased_ms, CASE WHEN m.erased_ms = 0 THEN LENGTH(m.text) ELSE m.chars END"

/* Of a pdu's column undecodable. */
#define IS_NO_TEXT \
	"undecodable IN ('" STORE_NO_TEXT_SUBMIT "', '" STORE_NO_TEXT_REPORT \
	"', '" STORE_NO_TEXT_TYPE_0 "', '" STORE_NO_TEXT_DATA "', '" STORE_NO_TEXT_BROADCAST "')"

/* State -1 marks what has none, -2 what is no text; the raw PDU stands where the text would. */
#define UNDECODABLE \
	"SELECT p.id, '', p.bank, p.slot, '', p.card_id, '', p.raw," \
	" CASE WHEN p." IS_NO_TEXT " THEN -2 ELSE -1 END, p.undecodable," \
	" p.arrived_ms, 0, 0, 0, 0, 1, 0, LENGTH(p.raw) FROM pdu p WHERE p.undecodable IS NOT " \
	"NULL"

/* ?1 bank, ?2 slot ('' any), ?3 since */
#define FILTER(t) \
	"(?1 = '' OR " t ".bank = ?1) AND (?2 = '' OR " t ".slot = ?2) AND " t ".arrived_ms >= ?3"

/* ?1 id, ?2 now. What was given up starts anew; what waits keeps its history. */
#define RETRY \
	"UPDATE delivery SET next_ms = ?2, done_ms = 0," \
	" attempts = CASE WHEN state = 0 THEN attempts ELSE 0 END," \
	" first_try_ms = CASE WHEN state = 0 THEN first_try_ms ELSE 0 END," \
	" number_error_ms = CASE WHEN state = 0 THEN number_error_ms ELSE 0 END,"

/* A card's queue, in its order. It is BETWEEN, and the card stands in ORDER BY, so that no planner
 * finds the first of it in the order of all texts. */
#define QUEUE(q, card) \
	q ".platform = ?1 AND " q ".state = 0 AND " q ".card_id BETWEEN " card " AND " card \
	  " ORDER BY " q ".card_id, " q ".message_id"

#define FIRST(card) "(SELECT q.message_id FROM delivery q WHERE " QUEUE("q", card) " LIMIT 1)"
#define CARD_OF     "(SELECT o.card_id FROM delivery o WHERE o.message_id = ?2 AND o.platform = ?1)"

/* Until when a text of the card of delivery d is claimed. */
#define BUSY \
	"(SELECT MAX(b.claimed_until_ms) FROM delivery b WHERE b.platform = ?1" \
	" AND b.card_id = d.card_id AND b.state = 0 AND b.claimed_until_ms > 0)"

#define DELIVERY \
	"SELECT d.message_id, d.platform, d.card_id, m.bank, m.slot, m.number, r.remote_id," \
	" m.sender, m.text, m.sent_ms, m.arrived_ms, d.claimed_until_ms, d.first_try_ms," \
	" d.attempts, m.parts, d.number_error_ms, d.activation_id, COALESCE(a.rent, 0)," \
	" COALESCE(a.closed_ms, 0), CASE WHEN d.activation_id > 0 THEN (SELECT COUNT(DISTINCT" \
	" t.message_id) FROM delivery t WHERE t.activation_id = d.activation_id" \
	" AND t.message_id <= d.message_id) ELSE 0 END, d.next_ms, " BUSY \
	" FROM delivery d JOIN message m ON m.id = d.message_id" \
	" LEFT JOIN remote_number r ON r.platform = d.platform AND r.number = m.number" \
	" LEFT JOIN activation a ON a.id = d.activation_id AND d.activation_id > 0" \
	" WHERE d.platform = ?1"

#define DROP "UPDATE delivery SET state = 6, done_ms = ?2, claimed_by = '', claimed_until_ms = 0 "

/* ?1 a number: the cards that have it, what came to it, and what is on them. */
#define CARDS_OF     "(SELECT c.card_id FROM card c WHERE " NUMBER " = ?1)"
#define OF_NUMBER(m) "(" m ".number = ?1 OR (" m ".number = '' AND " m ".card_id IN " CARDS_OF "))"
#define PDU_OF_NUMBER \
	"(message_id IN (SELECT m.id FROM message m WHERE " OF_NUMBER( \
		"m") ")" \
		     " OR (message_id IS NULL AND (owner IN " CARDS_OF " OR card_id IN " CARDS_OF \
		     ")))"
#define SET_OF_NUMBER \
	"(s.joined_message_id IN (SELECT m.id FROM message m WHERE " OF_NUMBER( \
		"m") ")" \
		     " OR (s.joined_message_id = '' AND s.card_id IN " CARDS_OF "))"
#include "store/store_sql_hosts.h"
#include "store/store_sql_orders.h"

const struct backend_stmt store_stmts[STMT_COUNT] = {
	[STMT_VERSION_GET] = { "version_get", "SELECT value FROM meta WHERE name = 'schema'",
		NULL },
	[STMT_VERSION_SET] = { "version_set",
		"INSERT INTO meta (name, value) VALUES ('schema', ?1)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		NULL },
	[STMT_LAST_ID] = { "last_id",
		"SELECT MAX(id) FROM (SELECT MAX(id) AS id FROM message"
		" UNION ALL SELECT MAX(id) FROM pdu UNION ALL SELECT MAX(id) FROM part_set) AS t",
		NULL },
	[STMT_WAITING] = { "waiting",
		"SELECT COUNT(*), COALESCE(MIN(arrived_ms), 0) FROM pdu"
		" WHERE undecodable IS NOT NULL",
		NULL },
	[STMT_CLAIMS_CLEAR] = { "claims_clear",
		"UPDATE delivery SET claimed_by = '', claimed_until_ms = 0"
		" WHERE state = 0 AND claimed_until_ms > 0 AND claimed_by = ?1",
		NULL },
	[STMT_PORTS_OFFLINE] = { "ports_offline",
		"UPDATE port SET online = 0 WHERE host = ?1 AND online <> 0", NULL },

	/* ---- cards and ports
	   ------------------------------------------------------------------------ */

	[STMT_MODULE_GET] = { "module_get",
		"SELECT card_id FROM module WHERE bank = ?1 AND slot = ?2 AND imei = ?3", NULL },
	[STMT_MODULE_PUT] = { "module_put",
		"INSERT INTO module (bank, slot, imei, card_id) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (bank, slot) DO UPDATE"
		" SET imei = excluded.imei, card_id = excluded.card_id",
		NULL },
	/* First seen later than now: the clock was ahead then. */
	[STMT_CARD_PUT] = { "card_put",
		"INSERT INTO card (card_id, iccid, imsi, number_sim, number_ussd, first_seen_ms,"
		" last_seen_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?6, ?5, ?5) ON CONFLICT (card_id) DO UPDATE SET"
		" iccid = COALESCE(NULLIF(excluded.iccid, ''), card.iccid),"
		" imsi = COALESCE(NULLIF(excluded.imsi, ''), card.imsi),"
		" number_sim = COALESCE(NULLIF(excluded.number_sim, ''), card.number_sim),"
		" number_ussd = COALESCE(NULLIF(excluded.number_ussd, ''), card.number_ussd),"
		" first_seen_ms = CASE WHEN card.first_seen_ms BETWEEN 1 AND"
		" excluded.first_seen_ms THEN card.first_seen_ms ELSE excluded.first_seen_ms END,"
		" last_seen_ms = excluded.last_seen_ms",
		NULL },
	[STMT_CARD_GET] = { "card_get",
		"SELECT c.iccid, c.imsi, " VERDICT " FROM card c WHERE c.card_id = ?1", NULL },
	[STMT_HELD_CARDS] = { "held_cards",
		"SELECT DISTINCT d.card_id, " NUMBER " FROM delivery d"
		" JOIN card c ON c.card_id = d.card_id"
		" WHERE d.state = 1 AND d.reason = 'no_number' AND " NUMBER " <> ''",
		NULL },
	[STMT_FREE_MESSAGES] = { "free_messages",
		"UPDATE message SET number = ?2 WHERE number = '' AND id IN"
		" (SELECT message_id FROM delivery"
		" WHERE card_id = ?1 AND state = 1 AND reason = 'no_number')",
		NULL },
	[STMT_FREE_DELIVERIES] = { "free_deliveries",
		"UPDATE delivery SET state = 0, reason = '', next_ms = ?2"
		" WHERE card_id = ?1 AND state = 1 AND reason = 'no_number'",
		NULL },
	[STMT_NUMBERS_MARK] = { "numbers_mark",
		"UPDATE card SET file_named = 0 WHERE file_named = 1 AND " FILE_IS_OURS, NULL },
	/* What files of other hosts say of cards. */
	[STMT_NUMBERS_OTHERS] = { "numbers_others",
		"SELECT card_id, file_host FROM card WHERE file_named = 1 AND NOT " FILE_IS_OURS
		" ORDER BY card_id",
		NULL },
	[STMT_NUMBER_PUT] = { "number_put",
		"INSERT INTO card (card_id, iccid, number_file, label, operator_code, rent,"
		" date_start_file, date_stop, price, balance, file_host, file_named)"
		" VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)"
		" ON CONFLICT (card_id) DO UPDATE SET number_file = excluded.number_file,"
		" label = excluded.label, operator_code = excluded.operator_code,"
		" rent = excluded.rent, date_start_file = excluded.date_start_file,"
		" date_stop = excluded.date_stop, price = excluded.price,"
		" balance = excluded.balance, file_host = excluded.file_host, file_named = 1",
		NULL },
	[STMT_NUMBERS_CLEAR] = { "numbers_clear",
		"UPDATE card SET number_file = '', label = '', operator_code = 0, rent = -1,"
		" date_start_file = 0, date_stop = 0, price = 0, balance = 0, file_host = ''"
		" WHERE file_named = 0 AND (number_file <> '' OR label <> '' OR operator_code <> 0"
		" OR rent <> -1 OR date_start_file <> 0 OR date_stop <> 0 OR price <> 0"
		" OR balance <> 0)",
		NULL },
	[STMT_NUMBERS_FORGET] = { "numbers_forget",
		"DELETE FROM card WHERE first_seen_ms = 0 AND file_named = 0 AND number_set = ''",
		NULL },
	[STMT_NUMBER_SET] = { "number_set",
		"INSERT INTO card (card_id, iccid, number_set) VALUES (?1, ?1, ?2)"
		" ON CONFLICT (card_id) DO UPDATE SET number_set = excluded.number_set,"
		" iccid = excluded.iccid",
		NULL },
	[STMT_NUMBER_FORGET] = { "number_forget",
		"UPDATE card SET number_set = '', number_sim = '', number_ussd = ''"
		" WHERE card_id = ?1",
		NULL },
	[STMT_CARD_FORGET] = { "card_forget",
		"DELETE FROM card WHERE card_id = ?1 AND file_named = 0"
		" AND NOT EXISTS (SELECT 1 FROM port p WHERE p.card_id = ?1)",
		NULL },
	[STMT_NUMBERS] = { "numbers",
		"SELECT " VERDICT ", c.card_id, c.iccid, c.label, c.operator_code, c.rent,"
		" c.date_start_file, c.date_stop, c.price, c.balance, c.last_seen_ms, p.bank,"
		" p.slot, t.platform, t.said_ms, t.sum, t.profit"
		" FROM card c LEFT JOIN takeoff t ON t.number = " NUMBER
		" LEFT JOIN port p ON p.card_id = c.card_id"
		" AND NOT EXISTS (SELECT 1 FROM port q WHERE q.card_id = c.card_id"
		" AND " BETTER("q", "p") ") ORDER BY CASE WHEN p.bank IS NULL THEN 1 ELSE 0 END,"
					 " p.bank, p.slot, c.iccid, c.card_id LIMIT ?1",
		NULL },
	[STMT_TWICE] = { "twice",
		"SELECT p.bank, p.slot, o.bank, o.slot FROM port p"
		" JOIN card c ON c.card_id = p.card_id JOIN (SELECT q.bank, q.slot, "
		"q.card_id, " NUMBER " AS number FROM port q JOIN card c ON c.card_id = q.card_id"
		" WHERE q.host <> ?1 AND " SELLABLE(
			"q") ") o ON o.number = " NUMBER " AND o.card_id <> p.card_id"
			     " WHERE p.host = ?1 AND o.number <> '' AND " SELLABLE(
				     "p") " ORDER BY p.bank, p.slot, o.bank, o.slot",
		NULL },
	[STMT_TAKEOFF_CLEAR] = { "takeoff_clear", "DELETE FROM takeoff WHERE platform = ?1", NULL },
	[STMT_TAKEOFF_PUT] = { "takeoff_put",
		"INSERT INTO takeoff (number, platform, sum, profit, said_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (number) DO UPDATE"
		" SET platform = excluded.platform, sum = excluded.sum,"
		" profit = excluded.profit, said_ms = excluded.said_ms",
		NULL },
	[STMT_PIN_REFUSED] = { "pin_refused",
		"INSERT INTO pin_refused (card_key, mark, refused_ms) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (card_key) DO UPDATE SET mark = excluded.mark,"
		" refused_ms = excluded.refused_ms",
		NULL },
	[STMT_PINS_LIMIT] = { "pins_limit",
		"DELETE FROM pin_refused WHERE card_key IN (SELECT card_key FROM pin_refused"
		" ORDER BY refused_ms DESC, card_key LIMIT 1000000 OFFSET ?1)",
		NULL },
	[STMT_PIN_GET] = { "pin_get",
		"SELECT mark, refused_ms FROM pin_refused WHERE card_key = ?1", NULL },
	[STMT_PIN_FORGET] = { "pin_forget", "DELETE FROM pin_refused WHERE card_key IN (?1, ?2)",
		NULL },
	[STMT_BANK_PUT] = { "bank_put",
		"INSERT INTO bank (name, host) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE"
		" SET host = excluded.host WHERE bank.host <> excluded.host AND NOT EXISTS"
		" (SELECT 1 FROM host f WHERE f.name = bank.host AND f.stale = 0)",
		NULL },
	/* Of another's bank it writes nothing; ?8: a port that is not ready yet stays as it was. */
	[STMT_PORT_PUT] = { "port_put",
		"INSERT INTO port (bank, slot, host, card_id, state, online, since_ms)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS"
		" (SELECT 1 FROM bank k WHERE k.name = ?1 AND k.host = ?3)"
		" ON CONFLICT (bank, slot) DO UPDATE"
		" SET host = excluded.host, card_id = excluded.card_id, state = excluded.state,"
		" online = excluded.online, since_ms = excluded.since_ms"
		" WHERE port.host <> excluded.host OR ((?8 = 0 OR excluded.online = 1"
		" OR excluded.card_id NOT IN ('', port.card_id))"
		" AND (port.card_id <> excluded.card_id"
		" OR port.state <> excluded.state OR port.online <> excluded.online))",
		NULL },
	[STMT_PORTS] = { "ports",
		"SELECT bank, slot FROM port WHERE host = ?1 UNION SELECT d.bank, d.slot"
		" FROM drain d JOIN bank b ON b.name = d.bank WHERE b.host = ?1",
		NULL },
	[STMT_PORT_FORGET] = { "port_forget",
		"DELETE FROM port WHERE bank = ?1 AND slot = ?2 AND host = ?3", NULL },
	[STMT_PORTS_HAD] = { "ports_had",
		"SELECT p.bank, p.slot FROM port p JOIN bank k ON k.name = p.bank AND k.host = ?1"
		" JOIN module m ON m.bank = p.bank AND m.slot = p.slot AND m.card_id <> ''"
		" WHERE p.host = ?1 ORDER BY p.bank, p.slot",
		NULL },
	[STMT_BANKS_FORGET] = { "banks_forget",
		"DELETE FROM bank WHERE host = ?1"
		" AND NOT EXISTS (SELECT 1 FROM port WHERE port.bank = bank.name)"
		" AND NOT EXISTS (SELECT 1 FROM drain WHERE drain.bank = bank.name)",
		NULL },
	[STMT_DRAIN] = { "drain",
		"INSERT INTO drain (bank, slot, since_ms) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (bank, slot) DO NOTHING",
		NULL },
	/* The card that is in the port, else the one that was. Steps from platform to platform
	 * along delivery_queued. */
	[STMT_DRAINS] = { "drains",
		"SELECT d.bank, d.slot, d.since_ms, (SELECT COUNT(*) FROM delivery q"
		" WHERE q.platform IN (SELECT t.platform FROM tally t) AND q.state = 0"
		" AND q.card_id = " DRAINED_CARD "), (SELECT COUNT(*) FROM delivery u"
		" WHERE u.platform IN (SELECT t.platform FROM tally t) AND u.state = 0"
		" AND u.card_id = " DRAINED_CARD " AND u.reason = 'number_unknown'),"
		" (SELECT COUNT(*) FROM delivery h WHERE h.card_id = " DRAINED_CARD
		" AND h.state = 1), (SELECT COUNT(*) FROM part_set s JOIN part x"
		" ON x.set_id = s.id WHERE s.card_id = " DRAINED_CARD
		" AND s.joined_message_id = '') FROM drain d"
		" LEFT JOIN port p ON p.bank = d.bank AND p.slot = d.slot"
		" LEFT JOIN module m ON m.bank = d.bank AND m.slot = d.slot"
		" ORDER BY d.bank, d.slot",
		NULL },
	[STMT_RESUME] = { "resume", "DELETE FROM drain WHERE bank = ?1 AND slot = ?2", NULL },
	[STMT_RESUME_ALL] = { "resume_all",
		"DELETE FROM drain WHERE bank IN (SELECT name FROM bank WHERE host = ?1)", NULL },
	/* Of all hosts. Who sells this one's banks its configuration says. */
	[STMT_ROSTER] = { "roster",
		"SELECT p.bank, p.slot, p.card_id, c.iccid, c.imsi, " NUMBER ", c.label,"
		" c.operator_code, c.rent, CASE WHEN c.date_start_file > 0 THEN c.date_start_file"
		" WHEN c.first_seen_ms > 0 THEN c.first_seen_ms / 1000 ELSE p.since_ms / 1000 END,"
		" c.date_stop, c.price, c.balance, r.remote_id, CASE WHEN p.host = ?2"
		" AND NOT EXISTS (SELECT 1 FROM card_sell s WHERE s.card_id = c.card_id)"
		" THEN -1 WHEN " SOLD_BY(
			"?1") " THEN 1 ELSE 0 END"
			      " FROM port p JOIN card c ON c.card_id = p.card_id"
			      " LEFT JOIN remote_number r ON r.platform = ?1 AND r.number = " NUMBER
			      " WHERE " SELLABLE("p") " AND " NUMBER
						      " <> '' ORDER BY p.bank, p.slot",
		NULL },
	[STMT_REMOTE_PUT] = { "remote_put",
		"INSERT INTO remote_number (platform, number, remote_id) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (platform, number) DO UPDATE SET remote_id = excluded.remote_id"
		" WHERE remote_number.remote_id <> excluded.remote_id",
		NULL },
	[STMT_REMOTE_FORGET] = { "remote_forget",
		"DELETE FROM remote_number WHERE platform = ?1 AND number = ?2", NULL },
	[STMT_SIM_ROW_PUT] = { "sim_row_put",
		"INSERT INTO sim_row (bank, line_no, column_no, row_no, card_id, seen_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (bank, line_no, column_no, row_no) DO UPDATE"
		" SET card_id = excluded.card_id, seen_ms = excluded.seen_ms",
		NULL },
	[STMT_SIM_ROWS] = { "sim_rows",
		"SELECT line_no, column_no, row_no, card_id, seen_ms FROM sim_row WHERE bank = ?1",
		NULL },

	/* ---- texts in
	   ------------------------------------------------------------------------------- */

	[STMT_PDU_FORGET] = { "pdu_forget", "DELETE FROM pdu WHERE id = ?1", NULL },
	/* Claimed as it was added, by a job whose answer came too late. */
	[STMT_CLAIM_UNTOLD] = { "claim_untold",
		"UPDATE delivery SET claimed_by = '', claimed_until_ms = 0 WHERE message_id = ?1"
		" AND state = 0 AND claimed_by = ?2"
		" AND claimed_until_ms BETWEEN next_ms + ?3 AND next_ms + ?3 + 2",
		NULL },
	[STMT_PDU_ADD] = { "pdu_add",
		"INSERT INTO pdu (id, card_id, memory, idx, raw, bank, slot, arrived_ms,"
		" undecodable, message_id, owner, tpdu_len, head)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE NOT EXISTS"
		" (SELECT 1 FROM pdu e WHERE e.card_id = ?2 AND e.memory = ?3 AND e.idx = ?4"
		" AND e.deleted = 0 AND e.idx >= 0 AND e.erased = 1"
		" AND " SAME_PDU("e", "?5") ")"
					    " ON CONFLICT (card_id, memory, idx, raw) WHERE "
					    "deleted = 0 AND idx >= 0"
					    " DO NOTHING",
		NULL },
	[STMT_PDU_DECODED] = { "pdu_decoded",
		"UPDATE pdu SET undecodable = NULL, message_id = ?2"
		" WHERE id = ?1 AND undecodable IS NOT NULL",
		NULL },
	[STMT_PDU_STAYED] = { "pdu_stayed",
		"UPDATE pdu SET deleted = 0 WHERE id = (SELECT MAX(e.id) FROM pdu e"
		" WHERE e.card_id = ?1 AND e.memory = ?2 AND e.idx = ?3 AND " SAME_PDU(
			"e", "?4") " AND e.idx >= 0) AND deleted = 1",
		NULL },
	[STMT_PDU_SHIFTED] = { "pdu_shifted",
		"UPDATE pdu SET idx = ?3 WHERE id = (SELECT e.id FROM pdu e WHERE e.card_id = ?1"
		" AND e.memory = ?2 AND e.deleted = 0 AND e.idx >= " MOVED " AND " SAME_PDU(
			"e", "?4") " ORDER BY CASE WHEN e.idx - " MOVED
				   " = ?3 THEN 0 ELSE 1 END, e.idx LIMIT 1)"
				   " AND NOT EXISTS (SELECT 1 FROM pdu x WHERE x.card_id = ?1 AND "
				   "x.memory = ?2"
				   " AND x.idx = ?3 AND x.deleted = 0 AND x.idx >= 0 AND " SAME_PDU(
					   "x", "?4") ")",
		NULL },
	[STMT_ENTRIES_MOVED] = { "entries_moved",
		"UPDATE pdu SET idx = idx + " MOVED " WHERE card_id = ?1 AND memory = ?2"
		" AND deleted = 0 AND idx >= 0 AND idx < " MOVED
		" AND NOT EXISTS (SELECT 1 FROM pdu e WHERE e.card_id = ?1 AND e.memory = ?2"
		" AND e.deleted = 0 AND e.idx >= 0 AND e.idx = pdu.idx + " MOVED
		" AND e.raw = pdu.raw)",
		NULL },
	[STMT_PDU_SET] = { "pdu_set", "UPDATE pdu SET set_id = ?2, message_id = ?3 WHERE id = ?1",
		NULL },
	[STMT_PDU_JOINED] = { "pdu_joined", "UPDATE pdu SET message_id = ?2 WHERE set_id = ?1",
		NULL },
	[STMT_PDU_DELETED] = { "pdu_deleted",
		"UPDATE pdu SET deleted = 1 WHERE card_id = ?1 AND memory = ?2 AND idx = ?3"
		" AND " SAME_PDU("pdu", "?4") " AND deleted = 0 AND idx >= 0",
		NULL },
	[STMT_ENTRIES] = { "entries",
		"SELECT DISTINCT idx FROM pdu WHERE card_id = ?1 AND memory = ?2"
		" AND deleted = 0 AND idx >= 0",
		NULL },
	[STMT_ENTRY_GONE] = { "entry_gone",
		"UPDATE pdu SET deleted = 1 WHERE card_id = ?1 AND memory = ?2 AND idx = ?3"
		" AND deleted = 0 AND idx >= 0",
		NULL },
	[STMT_PART_SAME] = { "part_same",
		"SELECT s.id FROM part_set s JOIN part p ON p.set_id = s.id AND p.seq = ?7"
		" JOIN pdu d ON d.id = p.pdu_id WHERE " SET_KEY " AND " SAME_PDU("d",
			"?9") " AND s.first_ms >= ?8 AND (s.joined_message_id = '' OR s.gap_ms > 0)"
			      " ORDER BY s.id DESC LIMIT 1",
		NULL },
	[STMT_SET_LACKING] = { "set_lacking",
		"SELECT s.id FROM part_set s WHERE " SET_OPEN SET_LACKS
		" ORDER BY CASE WHEN " SAME_STAMP " THEN 0 ELSE 1 END," NEWEST,
		NULL },
	[STMT_SET_GAP] = { "set_gap",
		"SELECT s.id FROM part_set s WHERE " SET_KEY
		" AND s.gap_ms > 0 AND s.gap_ms >= ?8" SET_LACKS " ORDER BY" NEWEST,
		NULL },
	[STMT_SET_ADD] = { "set_add",
		"INSERT INTO part_set (id, card_id, sender, sender_type, ref, ref_bits, total,"
		" first_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		NULL },
	/* Of the card, no further than ?2; of all. */
	[STMT_SETS_OPEN] = { "sets_open",
		"SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM part_set"
		" WHERE joined_message_id = '' AND card_id = ?1 LIMIT ?2) AS own),"
		" (SELECT COUNT(*) FROM part_set WHERE joined_message_id = '')",
		NULL },
	[STMT_SET_GET] = { "set_get",
		"SELECT s.joined_message_id, s.total,"
		" (SELECT COUNT(*) FROM part p WHERE p.set_id = s.id) FROM part_set s"
		" WHERE s.id = ?1",
		NULL },
	[STMT_SET_PARTS] = { "set_parts",
		"SELECT d.raw, d.arrived_ms, s.card_id, d.bank, d.slot, p.seq, s.total,"
		" d.tpdu_len FROM part p"
		" JOIN pdu d ON d.id = p.pdu_id JOIN part_set s ON s.id = p.set_id"
		" WHERE p.set_id = ?1 ORDER BY p.seq",
		NULL },
	[STMT_SET_JOINED] = { "set_joined",
		"UPDATE part_set SET joined_message_id = ?2, gap_ms = ?3 WHERE id = ?1", NULL },
	/* Each of its parts is in one set of the same key that was joined. */
	[STMT_SET_REPEATS] = { "set_repeats",
		"SELECT t.joined_message_id FROM part_set s JOIN part_set t"
		" ON t.card_id = s.card_id AND t.ref = s.ref AND t.sender = s.sender"
		" AND t.sender_type = s.sender_type AND t.ref_bits = s.ref_bits"
		" AND t.total = s.total AND t.joined_message_id <> '' WHERE s.id = ?1"
		" AND NOT EXISTS (SELECT 1 FROM part p JOIN pdu d ON d.id = p.pdu_id"
		" WHERE p.set_id = s.id AND NOT EXISTS (SELECT 1 FROM part q"
		" JOIN pdu e ON e.id = q.pdu_id WHERE q.set_id = t.id AND q.seq = p.seq"
		" AND " SAME_PDU("e", "d.raw") ")) ORDER BY t.id DESC LIMIT 1",
		NULL },
	/* ?1 before, ?2 so many a card, ?3 in all, ?5 the host. */
	[STMT_SETS_DUE] = { "sets_due",
		"SELECT s.id FROM part_set s WHERE s.joined_message_id = ''"
		" AND " SET_IS_OF("?5") " AND (SELECT COUNT(*) FROM part p WHERE p.set_id = s.id)"
					" BETWEEN 1 AND s.total - 1 AND (s.first_ms < ?1 OR "
					"(SELECT COUNT(*) FROM part_set "
					"n"
					" WHERE n.joined_message_id = '' AND n.card_id = s.card_id "
					"AND n.id > s.id) >= ?2"
					" OR s.id IN (SELECT x.id FROM part_set x WHERE "
					"x.joined_message_id = ''"
					" ORDER BY x.id DESC LIMIT 1000000 OFFSET ?3)) ORDER BY "
					"s.id LIMIT ?4",
		NULL },
	[STMT_SETS_COMPLETE] = { "sets_complete",
		"SELECT s.id FROM part_set s WHERE s.joined_message_id = ''"
		" AND " SET_IS_OF("?1") " AND (SELECT COUNT(*) FROM part p WHERE p.set_id = s.id) "
					"= s.total ORDER BY "
					"s.first_ms, s.id",
		NULL },
	[STMT_PART_ADD] = { "part_add",
		"INSERT INTO part (set_id, seq, pdu_id) VALUES (?1, ?2, ?3)", NULL },
	/* The card's, that of the operation open on it, and the operation. */
	[STMT_NUMBER_OF] = { "number_of",
		"SELECT " NUMBER ", COALESCE(a.number, ''), COALESCE(a.id, 0) FROM card c"
		" LEFT JOIN activation a ON a.card_id = c.card_id AND a.state = 0"
		" WHERE c.card_id = ?1",
		NULL },
	/* All that is to be known before a text is put; in this order: ?1 its card, ?2 its PDU's
	 * id; ?3 card, ?4 memory, ?5 index and ?6 bytes of its entry, ?7 owner. */
	[STMT_SMS_LOOK] = { "sms_look",
		"SELECT " NUMBER ", COALESCE(a.number, ''), COALESCE(a.id, 0),"
		" CASE WHEN e.id IS NULL THEN 0 ELSE 1 END, COALESCE(e.message_id, ''),"
		" CASE WHEN k.id IS NULL THEN 0 ELSE 1 END, COALESCE(k.message_id, ''),"
		" (SELECT COALESCE(MAX(x.at_ms), 0) FROM erasure x"
		" WHERE x.number = COALESCE(a.number, '') OR x.number IN (SELECT " NUMBER
		" FROM card c WHERE c.card_id IN (?3, ?7)))"
		" FROM (SELECT 1 AS one) o LEFT JOIN card c ON c.card_id = ?1"
		" LEFT JOIN activation a ON a.card_id = c.card_id AND a.state = 0"
		" LEFT JOIN pdu k ON k.id = ?2"
		" LEFT JOIN pdu e ON e.id = (SELECT MIN(d.id) FROM pdu d WHERE d.card_id = ?3"
		" AND d.memory = ?4 AND d.idx = ?5 AND " SAME_PDU(
			"d", "?6") " AND d.deleted = 0 AND d.idx >= 0)",
		NULL },
	[STMT_MESSAGE_ADD] = { "message_add",
		"INSERT INTO message (id, card_id, bank, slot, number, sender, text, sent_ms,"
		" arrived_ms, parts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		NULL },
	[STMT_DELIVERY_ADD] = { "delivery_add",
		"INSERT INTO delivery (message_id, platform, card_id, state, reason, next_ms,"
		" activation_id, done_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		NULL },

	/* ---- texts out
	   ------------------------------------------------------------------------------ */

	/* The first queued delivery of each card: steps from card to card along delivery_queued,
	 * however many each has queued. */
	[STMT_HEADS] = { "heads",
		"WITH RECURSIVE h (card_id) AS (SELECT MIN(card_id) FROM delivery"
		" WHERE state = 0 AND platform = ?1 UNION ALL SELECT (SELECT MIN(n.card_id)"
		" FROM delivery n WHERE n.state = 0 AND n.platform = ?1 AND n.card_id > h.card_id)"
		" FROM h WHERE h.card_id IS NOT NULL)"
		" SELECT d.message_id, d.next_ms, (SELECT MAX(b.claimed_until_ms) FROM delivery b"
		" WHERE b.platform = ?1 AND b.card_id = h.card_id AND b.state = 0"
		" AND b.claimed_until_ms > 0) FROM h JOIN delivery d ON d.platform = ?1"
		" AND d.message_id = (SELECT q.message_id FROM delivery q"
		" WHERE " QUEUE("q", "h.card_id") " LIMIT 1)"
						  " WHERE h.card_id IS NOT NULL",
		NULL },
	[STMT_CLAIM] = { "claim",
		"UPDATE delivery SET claimed_by = ?3, claimed_until_ms = ?4"
		" WHERE message_id = ?1 AND platform = ?2 AND state = 0",
		NULL },
	[STMT_DELIVERY_HEAD] = { "delivery_head", DELIVERY " AND d.message_id = " FIRST("?2"),
		NULL },
	[STMT_DELIVERIES_CLAIMED] = { "deliveries_claimed",
		DELIVERY " AND d.state = 0 AND d.claimed_by = ?2 AND d.claimed_until_ms = ?3"
			 " AND d.claimed_until_ms > 0 ORDER BY d.message_id",
		NULL },
	[STMT_DELIVERY_AFTER] = { "delivery_after", DELIVERY " AND d.message_id = " FIRST(CARD_OF),
		NULL },
	/* An outcome that comes after the operator dropped it, or after another host took it over,
	 * counts only if the platform has the text. */
	[STMT_OUTCOME] = { "outcome",
		"UPDATE delivery SET state = ?3, reason = ?4, next_ms = ?5, attempts = attempts + "
		"?6,"
		" first_try_ms = CASE WHEN first_try_ms = 0 AND ?6 = 1 THEN ?7"
		" ELSE first_try_ms END,"
		" number_error_ms = CASE WHEN number_error_ms = 0 AND ?8 = 1 THEN ?7"
		" ELSE number_error_ms END,"
		" done_ms = CASE WHEN ?3 = 0 THEN 0 ELSE ?7 END,"
		" claimed_by = '', claimed_until_ms = 0"
		" WHERE message_id = ?1 AND platform = ?2 AND ((state = 0"
		" AND (claimed_by = '' OR claimed_by = ?9)) OR (?3 = 4 AND state IN (0, 6)))",
		NULL },
	[STMT_UNKNOWN_NUMBERS] = { "unknown_numbers",
		"SELECT d.message_id, m.number FROM delivery d JOIN message m ON m.id = "
		"d.message_id"
		" WHERE d.state = 0 AND d.platform = ?1 AND d.reason = 'number_unknown'"
		" AND d.next_ms > ?2",
		NULL },
	[STMT_DUE] = { "due",
		"UPDATE delivery SET next_ms = ?3 WHERE message_id = ?1 AND platform = ?2", NULL },
	[STMT_DUE_ALL] = { "due_all",
		"UPDATE delivery SET next_ms = ?2 WHERE platform = ?1 AND state = 0"
		" AND next_ms > ?2",
		NULL },
	[STMT_RETRY_NUMBER] = { "retry_number",
		"UPDATE message SET number = COALESCE((SELECT " NUMBER " FROM card c"
		" WHERE c.card_id = message.card_id), '') WHERE id = ?1 AND number = ''",
		NULL },
	[STMT_RETRY] = { "retry",
		RETRY " reason = CASE WHEN state = 0 THEN reason"
		      " WHEN platform = 'customers' THEN ''"
		      " WHEN (SELECT m.number FROM message m WHERE m.id = ?1) = ''"
		      " THEN 'no_number' ELSE '' END,"
		      " state = CASE WHEN platform = 'customers' THEN 4"
		      " WHEN (SELECT m.number FROM message m WHERE m.id = ?1) = ''"
		      " THEN 1 ELSE 0 END"
		      " WHERE message_id = ?1 AND (state IN (1, 2, 5)"
		      " OR (state = 0 AND next_ms > ?2))"
		      " AND (SELECT m.erased_ms FROM message m WHERE m.id = ?1) = 0",
		NULL },
	[STMT_RETRY_ALL] = { "retry_all",
		RETRY " reason = CASE WHEN state = 0 THEN reason ELSE '' END, state = 0"
		      " WHERE ?1 = '' AND state <> 4"
		      " AND (state = 5 OR (state = 0 AND next_ms > ?2))",
		NULL },
	[STMT_DROP] = { "drop", DROP "WHERE message_id = ?1 AND state IN (0, 1, 2, 5)", NULL },
	[STMT_DROP_RAW] = { "drop_raw",
		"UPDATE pdu SET undecodable = NULL WHERE id = ?1 AND undecodable IS NOT NULL",
		NULL },
	[STMT_DROP_ALL] = { "drop_all", DROP "WHERE ?1 = '' AND state <> 4 AND state IN (0, 5)",
		NULL },

	/* ---- what the operator sees
	   ----------------------------------------------------------------- */

	[STMT_COUNTS] = { "counts",
		"SELECT g.platform, g.state, g.n, CASE WHEN g.state = 0 THEN"
		" (SELECT m.arrived_ms FROM message m WHERE m.id = (SELECT MIN(q.message_id)"
		" FROM delivery q WHERE q.platform = g.platform AND q.state = 0)) ELSE 0 END"
		" FROM tally g WHERE g.state >= 0 AND g.n > 0 ORDER BY g.platform, g.state",
		NULL },
	[STMT_TOTALS] = { "totals",
		"SELECT (SELECT n FROM tally WHERE platform = '' AND state = -1),"
		" (SELECT COUNT(*) FROM message WHERE arrived_ms >= ?1),"
		" (SELECT COUNT(*) FROM pdu WHERE undecodable IS NOT NULL),"
		" (SELECT COUNT(*) FROM pdu WHERE undecodable IS NOT NULL AND " IS_NO_TEXT "),"
		" (SELECT COUNT(*) FROM part_set s JOIN part p ON p.set_id = s.id"
		" WHERE s.joined_message_id = ''),"
		" (SELECT COUNT(*) FROM part_set WHERE joined_message_id = '')",
		NULL },
	[STMT_MESSAGES] = { "messages",
		"SELECT " MESSAGE_COLUMNS " FROM message m LEFT JOIN delivery d"
		" ON d.message_id = m.id WHERE " FILTER(
			"m") " ORDER BY m.arrived_ms DESC, m.id DESC, d.platform LIMIT ?4",
		NULL },
	[STMT_MESSAGE] = { "message",
		"SELECT " MESSAGE_COLUMNS " FROM message m LEFT JOIN delivery d"
		" ON d.message_id = m.id WHERE " FILTER(
			"m") " AND m.id = ?5 AND (?6 = 0 OR d.state <> 4) ORDER BY d.platform "
			     "LIMIT ?4",
		NULL },
	[STMT_OUTBOX] = { "outbox",
		"SELECT " MESSAGE_COLUMNS " FROM delivery d CROSS JOIN message m"
		" WHERE d.state <> 4 AND m.id = d.message_id AND " FILTER(
			"m") " ORDER BY d.message_id DESC, d.platform LIMIT ?4",
		NULL },
	[STMT_UNDECODABLE] = { "undecodable",
		UNDECODABLE " AND " FILTER("p") " ORDER BY p.arrived_ms DESC, p.id DESC LIMIT ?4",
		NULL },
	[STMT_UNDECODABLE_ONE] = { "undecodable_one",
		UNDECODABLE " AND " FILTER("p") " AND p.id = ?5 LIMIT ?4", NULL },
	[STMT_RAWS] = { "raws",
		"SELECT id, card_id, owner, bank, slot, memory, raw, undecodable, idx, tpdu_len,"
		" arrived_ms, deleted FROM pdu WHERE undecodable IS NOT NULL"
		" AND (?1 = '' OR id = ?1)"
		" AND id > ?2 AND (?4 = '' OR NOT EXISTS (SELECT 1 FROM bank k"
		" JOIN host f ON f.name = k.host AND f.stale = 0"
		" WHERE k.name = pdu.bank AND k.host <> ?4)) ORDER BY id LIMIT ?3",
		NULL },
	[STMT_OF_NUMBER] = { "of_number",
		"SELECT " MESSAGE_COLUMNS " FROM (SELECT * FROM message WHERE number = ?1"
		" AND id > ?2 ORDER BY id LIMIT ?3) AS m LEFT JOIN delivery d"
		" ON d.message_id = m.id ORDER BY m.id, d.platform",
		NULL },

	/* ---- what is kept, and how long
	   ------------------------------------------------------------- */

	[STMT_MESSAGE_PAGE] = { "message_page",
		"SELECT MAX(id), COUNT(*) FROM (SELECT id FROM message WHERE erased_ms = 0"
		" AND id > ?1 AND id < ?2 ORDER BY id LIMIT ?3) AS t",
		NULL },
	[STMT_MESSAGE_ERASE] = { "message_erase",
		"UPDATE message SET chars = LENGTH(text), text = '', erased_ms = ?4"
		" WHERE erased_ms = 0 AND id > ?1 AND id <= ?2 AND NOT EXISTS"
		" (SELECT 1 FROM delivery d WHERE d.message_id = message.id"
		" AND (d.state IN (0, 1, 5) OR d.done_ms >= ?3 OR EXISTS (SELECT 1 FROM activation "
		"a"
		" WHERE a.id = d.activation_id AND (a.state = 0 OR a.closed_ms >= ?3))))",
		NULL },
	[STMT_PDU_PAGE] = { "pdu_page",
		"SELECT MAX(id), COUNT(*) FROM (SELECT id FROM pdu WHERE erased = 0"
		" AND id > ?1 AND id < ?2 ORDER BY id LIMIT ?3) AS t",
		NULL },
	/* Once its text is a message, or one of a set that needs no reading any more. */
	[STMT_PDU_ERASE] = { "pdu_erase",
		"UPDATE pdu SET raw = SUBSTR(raw, 1, head), erased = 1"
		" WHERE erased = 0 AND id > ?1 AND id <= ?2 AND undecodable IS NULL"
		" AND (head > 0 OR deleted = 1 OR idx < 0)"
		" AND (message_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM part p"
		" WHERE p.set_id = pdu.set_id AND p.pdu_id = pdu.id))",
		NULL },
	/* ?1 bound of ids, ?2 so many. */
	[STMT_OLD_PAGE] = { "old_page",
		"SELECT MAX(id), COUNT(*) FROM (SELECT id FROM message WHERE id < ?1"
		" AND erased_ms > 0 ORDER BY id LIMIT ?2) AS t",
		NULL },
	[STMT_OLD_DELIVERIES] = { "old_deliveries",
		"DELETE FROM delivery WHERE message_id IN"
		" (SELECT id FROM message WHERE id <= ?1 AND erased_ms > 0)",
		NULL },
	[STMT_OLD_MESSAGES] = { "old_messages",
		"DELETE FROM message WHERE id <= ?1 AND erased_ms > 0", NULL },
	[STMT_OLD_PDUS] = { "old_pdus",
		"DELETE FROM pdu WHERE id IN (SELECT id FROM pdu WHERE id < ?1"
		" AND (erased = 1 OR " IS_NO_TEXT ")"
		" AND (deleted = 1 OR idx < 0) AND NOT EXISTS (SELECT 1 FROM part_set s"
		" WHERE s.id = pdu.set_id AND s.joined_message_id = '') ORDER BY id LIMIT ?2)",
		NULL },
	[STMT_OLD_PARTS] = { "old_parts",
		"DELETE FROM part WHERE set_id IN (SELECT id FROM part_set WHERE id < ?1"
		" AND joined_message_id <> '' ORDER BY id LIMIT ?2)",
		NULL },
	[STMT_OLD_SETS] = { "old_sets",
		"DELETE FROM part_set WHERE id IN (SELECT id FROM part_set WHERE id < ?1"
		" AND joined_message_id <> '' ORDER BY id LIMIT ?2)",
		NULL },
	[STMT_NUMBER_COUNT] = { "number_count",
		"SELECT (SELECT COUNT(*) FROM message m WHERE " OF_NUMBER(
			"m") "),"
			     " (SELECT COUNT(*) FROM message m WHERE " OF_NUMBER(
				     "m") " AND EXISTS"
					  " (SELECT 1 FROM delivery d WHERE d.message_id = m.id "
					  "AND d.state IN (0, 1, 5))),"
					  " (SELECT COUNT(*) FROM part_set s JOIN part p ON "
					  "p.set_id = s.id"
					  " WHERE s.joined_message_id = '' AND s.card_id "
					  "IN " CARDS_OF ")",
		NULL },
	[STMT_NUMBER_COUNT_PDUS] = { "number_count_pdus",
		"SELECT COUNT(CASE WHEN undecodable IS NOT NULL THEN 1 END),"
		" COUNT(CASE WHEN undecodable IS NULL AND deleted = 0 AND idx >= 0 THEN 1 END)"
		" FROM pdu WHERE " PDU_OF_NUMBER,
		NULL },
	[STMT_NUMBER_PDUS_HEAD] = { "number_pdus_head",
		"UPDATE pdu SET raw = SUBSTR(raw, 1, head), erased = 1"
		" WHERE deleted = 0 AND idx >= 0 AND head > 0 AND undecodable IS NULL"
		" AND " PDU_OF_NUMBER,
		NULL },
	[STMT_NUMBER_PDUS] = { "number_pdus",
		"DELETE FROM pdu WHERE (deleted = 1 OR idx < 0 OR undecodable IS NOT NULL)"
		" AND " PDU_OF_NUMBER,
		NULL },
	[STMT_NUMBER_PARTS] = { "number_parts",
		"DELETE FROM part WHERE set_id IN (SELECT s.id FROM part_set s WHERE " SET_OF_NUMBER
		")",
		NULL },
	[STMT_NUMBER_SETS] = { "number_sets",
		"DELETE FROM part_set WHERE id IN (SELECT s.id FROM part_set s"
		" WHERE " SET_OF_NUMBER ")",
		NULL },
	[STMT_NUMBER_DELIVERIES] = { "number_deliveries",
		"DELETE FROM delivery WHERE message_id IN"
		" (SELECT m.id FROM message m WHERE " OF_NUMBER("m") ")",
		NULL },
	[STMT_NUMBER_MESSAGES] = { "number_messages",
		"DELETE FROM message WHERE id IN (SELECT m.id FROM message m WHERE " OF_NUMBER(
			"m") ")",
		NULL },
	[STMT_ERASURE_PUT] = { "erasure_put",
		"INSERT INTO erasure (number, at_ms) VALUES (?1, ?2)"
		" ON CONFLICT (number) DO UPDATE SET at_ms = excluded.at_ms",
		NULL },
	[STMT_ERASURES_FORGET] = { "erasures_forget", "DELETE FROM erasure WHERE at_ms < ?1",
		NULL },
	[STMT_PDU_ERASED] = { "pdu_erased",
		"UPDATE pdu SET raw = SUBSTR(raw, 1, head), erased = 1 WHERE id = ?1", NULL },
	/* ---- orders and customers -------------------------------------------------------- */

	ORDER_STMTS,

	/* ---- hosts
	   ---------------------------------------------------------------------------------- */

	HOST_STMTS,
};
