/* store_sql_orders.h - the statements of orders and customers: rows of store_stmts, part of
 * store_sql.c. Activation states: 0 open, 1 sold, 2 cancelled, 3 refused, 4 refunded, 5 released
 * (enum store_activation_state). */

/* As store_orders.c reads them. */
#define ACTIVATION \
	"SELECT a.id, a.seller, a.customer, a.service, a.country, a.operator_name, a.number," \
	" a.card_id, a.bank, a.slot, a.rent, a.state, a.finish_status, a.reason, a.opened_ms," \
	" a.closed_ms, a.expires_ms, a.price, a.refunded, a.sum, a.texts, a.withheld," \
	" a.first_text_ms, a.last_text_ms, a.last_message_id, COALESCE(m.sender, '')," \
	" COALESCE(m.text, ''), a.wait_retry, a.answered FROM activation a" \
	" LEFT JOIN message m ON m.id = a.last_message_id "

/* Whether it sells card c in port p. */
#define SOLD_BY(seller) \
	"(EXISTS (SELECT 1 FROM card_sell x WHERE x.card_id = c.card_id AND x.seller = " seller \
	") OR (NOT EXISTS (SELECT 1 FROM card_sell x WHERE x.card_id = c.card_id)" \
	" AND EXISTS (SELECT 1 FROM bank_sell x WHERE x.bank = p.bank AND x.seller = " seller \
	")))"

/* Cards f, with their number and place, that can be ordered: ?1 seller, ?2 service, ?3 limit. */
#define FREE_FOR_ORDER(which) \
	"(SELECT " NUMBER " AS number, p.bank, p.slot, c.card_id FROM port p" \
	" JOIN card c ON c.card_id = p.card_id WHERE " which SELLABLE("p") " AND " SOLD_BY( \
		"?1") ") AS f WHERE f.number <> '' AND NOT EXISTS (SELECT 1 FROM activation a" \
		      " WHERE a.state = 0 AND a.card_id = f.card_id) AND NOT EXISTS (SELECT 1 " \
		      "FROM activation a" \
		      " WHERE a.state = 0 AND a.number = f.number) AND NOT EXISTS (SELECT 1 FROM " \
		      "used u" \
		      " WHERE u.seller = ?1 AND u.service = ?2 AND u.number = f.number" \
		      " AND (u.sold > 0 OR (?3 > 0 AND u.cancelled >= ?3)))"

#define CUSTOMER \
	"SELECT c.name, c.key_hash, CASE WHEN c.host <> '' THEN 1 ELSE 0 END, c.disabled, c.gone," \
	" c.balance, c.created_ms, (SELECT COUNT(*) FROM activation a WHERE a.customer = c.name" \
	" AND a.state = 0), (SELECT COUNT(*) FROM activation a WHERE a.customer = c.name)" \
	" FROM customer c "

#define ORDER_STMTS \
	[STMT_COUNTER_NEXT] = { "counter_next", \
		"UPDATE counter SET value = value + 1 WHERE name = ?1 RETURNING value", NULL }, \
	[STMT_ACTIVATION_GET] = { "activation_get", ACTIVATION "WHERE a.id = ?1", NULL }, \
	[STMT_ACTIVATION_TOKEN] = { "activation_token", ACTIVATION "WHERE a.token = ?1", NULL }, \
	[STMT_ORDER_FREE] = { "order_free", \
		"SELECT f.number, f.bank, f.slot FROM " FREE_FOR_ORDER( \
			"p.card_id = ?4 AND ") " LIMIT 1", \
		NULL }, \
	[STMT_ORDER_FREES] = { "order_frees", \
		"SELECT DISTINCT f.card_id FROM " FREE_FOR_ORDER("") " ORDER BY f.card_id", \
		NULL }, /* Another card that is online has the number. */ \
		[STMT_ORDER_CLASH] = { "order_clash", \
			"SELECT c.card_id FROM port p JOIN card c ON c.card_id = p.card_id" \
			" WHERE " SELLABLE("p") " AND c.card_id <> ?1 AND " NUMBER \
						" = ?2 LIMIT 1", \
			NULL }, \
	[STMT_ORDER_ADD] = { "order_add", \
		"INSERT INTO activation (id, token, seller, customer, service, country," \
		" operator_name, number, card_id, bank, slot, rent, opened_ms, expires_ms, " \
		"due_ms," \
		" price, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13," \
		" ?14, ?15, ?16, ?17) ON CONFLICT DO NOTHING", \
		NULL }, /* The first word that closes it. ?9 only without a text, ?10 the latest \
			 * due_ms it may have, 0: any. */ \
		[STMT_ACTIVATION_CLOSE] = { "activation_close", \
			"UPDATE activation SET state = ?4, finish_status = ?5, reason = ?6," \
			" sum = CASE WHEN ?7 > 0 THEN ?7 ELSE sum END, closed_ms = ?8, " \
			"wait_retry = 0," \
			" due_ms = 0 WHERE id = ?1 AND state = 0 AND (?2 = '' OR seller = ?2)" \
			" AND (?3 = '' OR customer = ?3) AND (?9 = 0 OR texts = 0)" \
			" AND (?10 = 0 OR (due_ms > 0 AND due_ms <= ?10))", \
			NULL }, /* ?2 is the state that the caller saw. */ \
		[STMT_ACTIVATION_AMEND] = { "activation_amend", \
			"UPDATE activation SET state = ?3, finish_status = ?4, reason = ?5," \
			" sum = CASE WHEN ?6 > 0 THEN ?6 ELSE sum END WHERE id = ?1 AND state = " \
			"?2", \
			NULL }, \
	[STMT_ACTIVATION_REFUNDED] = { "activation_refunded", \
		"UPDATE activation SET refunded = price WHERE id = ?1", NULL }, \
	[STMT_ACTIVATION_ANSWERED] = { "activation_answered", \
		"UPDATE activation SET answered = 1," \
		" due_ms = CASE WHEN customer = '' THEN 0 ELSE due_ms END" \
		" WHERE id = ?1 AND state = 0 AND answered = 0", \
		NULL }, \
	[STMT_ACTIVATION_WAIT] = { "activation_wait", \
		"UPDATE activation SET wait_retry = 1 WHERE id = ?1 AND customer = ?2" \
		" AND state = 0 AND texts > 0", \
		NULL }, \
	[STMT_ACTIVATION_TEXT] = { "activation_text", \
		"UPDATE activation SET texts = texts + 1, wait_retry = 0, last_text_ms = ?2," \
		" first_text_ms = CASE WHEN first_text_ms = 0 THEN ?2 ELSE first_text_ms END," \
		" last_message_id = ?3," \
		" due_ms = CASE WHEN customer = '' THEN due_ms ELSE expires_ms END" \
		" WHERE id = ?1 AND state = 0", \
		NULL }, \
	[STMT_ACTIVATION_WITHHELD] = { "activation_withheld", \
		"UPDATE activation SET withheld = withheld + 1 WHERE id = ?1 AND state = 0", \
		NULL }, \
	[STMT_ACTIVATIONS_DUE] = { "activations_due", \
		ACTIVATION "WHERE a.state = 0 AND a.due_ms > 0 AND a.due_ms <= ?1" \
			   " ORDER BY a.due_ms, a.id LIMIT ?2", \
		NULL }, \
	[STMT_ACTIVATIONS_NEXT] = { "activations_next", \
		"SELECT MIN(due_ms) FROM activation WHERE state = 0 AND due_ms > 0", NULL }, \
	[STMT_ACTIVATIONS_OPEN] = { "activations_open", \
		ACTIVATION "WHERE a.state = 0 ORDER BY a.id", NULL }, \
	[STMT_ACTIVATIONS] = { "activations", \
		ACTIVATION "WHERE (?1 = '' OR a.seller = ?1) AND (?2 = '' OR a.customer = ?2)" \
			   " AND (?3 = 0 OR a.state = 0) AND (?4 = 0 OR a.rent = 1)" \
			   " ORDER BY a.id DESC LIMIT ?5", \
		NULL }, \
	[STMT_ACTIVATIONS_OF] = { "activations_of", \
		ACTIVATION "WHERE (?1 = '' OR a.seller = ?1) AND a.customer = ?2" \
			   " AND (?3 = 0 OR a.state = 0) AND (?4 = 0 OR a.rent = 1)" \
			   " ORDER BY a.id DESC LIMIT ?5", \
		NULL }, \
	[STMT_ACTIVATION_TEXTS] = { "activation_texts", \
		"SELECT m.id, m.sender, m.text, m.sent_ms, m.arrived_ms FROM delivery d" \
		" JOIN message m ON m.id = d.message_id WHERE d.activation_id = ?1" \
		" AND d.activation_id > 0 AND d.state <> 2" \
		" ORDER BY d.message_id DESC LIMIT ?2", \
		NULL }, \
	[STMT_ACTIVATION_COUNTS] = { "activation_counts", \
		"SELECT state, COUNT(*), SUM(CASE WHEN texts > 0 THEN 1 ELSE 0 END)," \
		" SUM(CASE WHEN answered = 0 AND opened_ms <= ?1 THEN 1 ELSE 0 END)" \
		" FROM activation GROUP BY state", \
		NULL }, \
	[STMT_ACTIVATIONS_ERASE] = { "activations_erase", \
		"DELETE FROM activation WHERE id IN (SELECT id FROM activation" \
		" WHERE state > 0 AND closed_ms < ?1 ORDER BY closed_ms LIMIT ?2)", \
		NULL }, /* Released by hand, a text that was withheld counts. */ \
		[STMT_ACTIVATION_LET] = { "activation_let", \
			"UPDATE activation SET texts = texts + 1, withheld = withheld - 1," \
			" last_message_id = ?1 WHERE id IN (SELECT activation_id FROM delivery" \
			" WHERE message_id = ?1 AND state = 2 AND activation_id > 0)", \
			NULL }, \
	[STMT_USED_PUT] = { "used_put", \
		"INSERT INTO used (seller, service, number, sold, cancelled, cancelled_ms," \
		" changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)" \
		" ON CONFLICT (seller, service, number) DO UPDATE SET sold = excluded.sold," \
		" cancelled = excluded.cancelled, cancelled_ms = excluded.cancelled_ms," \
		" changed = excluded.changed", \
		NULL }, \
	[STMT_USED_GET] = { "used_get", \
		"SELECT sold, cancelled, cancelled_ms FROM used" \
		" WHERE seller = ?1 AND service = ?2 AND number = ?3", \
		NULL }, \
	[STMT_USEDS] = { "useds", \
		"SELECT seller, service, number, sold, cancelled, cancelled_ms, changed FROM used" \
		" WHERE changed > ?1 ORDER BY changed", \
		NULL }, \
	[STMT_BANK_SELL_CLEAR] = { "bank_sell_clear", "DELETE FROM bank_sell WHERE bank = ?1", \
		NULL }, \
	[STMT_BANK_SELL_PUT] = { "bank_sell_put", \
		"INSERT INTO bank_sell (bank, seller) VALUES (?1, ?2) ON CONFLICT DO NOTHING", \
		NULL }, \
	[STMT_CARD_SELL_CLEAR] = { "card_sell_clear", \
		"DELETE FROM card_sell" \
		" WHERE EXISTS (SELECT 1 FROM card WHERE card.card_id = card_sell.card_id" \
		" AND card.file_named = 1 AND " FILE_IS_OURS ")", \
		NULL }, \
	[STMT_CARD_SELL_FORGET] = { "card_sell_forget", \
		"DELETE FROM card_sell WHERE card_id = ?1", NULL }, \
	[STMT_CARD_SELL_PUT] = { "card_sell_put", \
		"INSERT INTO card_sell (card_id, seller) VALUES (?1, ?2) ON CONFLICT DO NOTHING", \
		NULL }, \
	[STMT_SELLABLES] = { "sellables", \
		"SELECT s.seller, p.bank, p.slot, c.card_id, c.iccid, c.imsi, " NUMBER \
		", c.operator_code, c.rent, COALESCE((SELECT MAX(a.opened_ms) FROM activation a" \
		" WHERE a.card_id = c.card_id), 0) AS ordered_ms FROM port p" \
		" JOIN card c ON c.card_id = p.card_id JOIN (SELECT seller FROM bank_sell" \
		" UNION SELECT seller FROM card_sell) AS s ON " SOLD_BY( \
			"s.seller") " WHERE " SELLABLE("p") " AND " NUMBER " <> ''" \
							    " ORDER BY s.seller, ordered_ms, " \
							    "p.bank, p.slot", \
		NULL }, \
	[STMT_CUSTOMER_GET] = { "customer_get", CUSTOMER "WHERE c.name = ?1", NULL }, \
	[STMT_CUSTOMERS] = { "customers", CUSTOMER "ORDER BY c.name LIMIT ?1", NULL }, \
	[STMT_CUSTOMER_KEY] = { "customer_key", \
		"SELECT name FROM customer WHERE name = ?1 OR key_hash = ?2", NULL }, \
	[STMT_CUSTOMERS_COUNT] = { "customers_count", "SELECT COUNT(*) FROM customer", NULL }, \
	[STMT_CUSTOMER_PUT] = { "customer_put", \
		"INSERT INTO customer (name, key_hash, host, created_ms) VALUES (?1, ?2, ?3, ?4)" \
		" ON CONFLICT (name) DO UPDATE SET key_hash = excluded.key_hash," \
		" host = excluded.host, gone = 0 WHERE customer.key_hash <> excluded.key_hash" \
		" OR customer.host <> excluded.host OR customer.gone <> 0", \
		NULL }, \
	[STMT_CUSTOMERS_OF] = { "customers_of", \
		"SELECT name FROM customer WHERE host = ?1 AND gone = 0", NULL }, \
	[STMT_CUSTOMER_GONE] = { "customer_gone", \
		"UPDATE customer SET gone = 1 WHERE name = ?1 AND host = ?2", NULL }, \
	[STMT_CUSTOMER_DISABLE] = { "customer_disable", \
		"UPDATE customer SET disabled = ?2 WHERE name = ?1", NULL }, \
	[STMT_CUSTOMER_CHARGE] = { "customer_charge", \
		"UPDATE customer SET balance = balance - ?2 WHERE name = ?1 AND balance >= ?2" \
		" AND disabled = 0 AND gone = 0", \
		NULL }, \
	[STMT_CUSTOMER_BOOK] = { "customer_book", \
		"UPDATE customer SET balance = balance + ?2 WHERE name = ?1" \
		" AND balance + ?2 BETWEEN 0 AND 1000000000000000", \
		NULL }, \
	[STMT_LEDGER_ADD] = { "ledger_add", \
		"INSERT INTO ledger (id, customer, at_ms, amount, activation_id, kind, note)" \
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING", \
		NULL }, \
	[STMT_TURNOVERS] = { "turnovers", \
		"SELECT c.name, SUM(CASE WHEN l.kind = 'charge' THEN 1 ELSE 0 END)," \
		" -SUM(l.amount) FROM customer c JOIN ledger l ON l.customer = c.name" \
		" AND l.at_ms >= ?1 WHERE l.kind IN ('charge', 'refund')" \
		" GROUP BY c.name ORDER BY c.name", \
		NULL }, \
	[STMT_LEDGER] = { "ledger", \
		"SELECT id, kind, note, at_ms, amount, activation_id FROM ledger" \
		" WHERE customer = ?1 ORDER BY at_ms DESC, id DESC LIMIT ?2", \
		NULL }
