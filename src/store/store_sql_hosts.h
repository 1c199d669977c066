/* store_sql_hosts.h - the statements of hosts, their banks and the leader's lease: rows of
 * store_stmts, part of store_sql.c. Times of host and lease are the database's. */

#define HOST_STMTS \
	[STMT_HOST_GET] = { "host_get", \
		"SELECT token, fresh_until_ms, stale, instance FROM host WHERE name = ?1", NULL }, \
	[STMT_HOST_ENTER] = { "host_enter", \
		"INSERT INTO host (name, token, version, started_ms, seen_ms, fresh_until_ms," \
		" instance) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE" \
		" SET token = excluded.token, version = excluded.version," \
		" started_ms = excluded.started_ms, seen_ms = excluded.seen_ms," \
		" fresh_until_ms = excluded.fresh_until_ms, stale = 0, settled = 0, ports = 0," \
		" ready = 0, instance = excluded.instance", \
		NULL }, \
	[STMT_HOST_BEAT] = { "host_beat", \
		"UPDATE host SET seen_ms = ?3, fresh_until_ms = ?4, stale = 0, settled = ?5," \
		" ports = ?6, ready = ?7 WHERE name = ?1 AND token = ?2", \
		NULL }, \
	[STMT_HOST_INSTANCE] = { "host_instance", \
		"UPDATE host SET instance = ?3 WHERE name = ?1 AND token = ?2", NULL }, \
	[STMT_HOST_LEAVE] = { "host_leave", \
		"UPDATE host SET token = '', settled = 1, ready = 0 WHERE name = ?1 AND token = " \
		"?2", \
		NULL }, \
	[STMT_HOSTS_STALE] = { "hosts_stale", \
		"UPDATE host SET stale = 1 WHERE stale = 0 AND fresh_until_ms < ?1", NULL }, \
	[STMT_HOSTS_FORGET] = { "hosts_forget", \
		"DELETE FROM host WHERE stale = 1 AND seen_ms < ?1", NULL }, \
	[STMT_HOSTS_OTHERS] = { "hosts_others", "DELETE FROM host WHERE name <> ?1", NULL }, \
	[STMT_HOSTS] = { "hosts", \
		"SELECT name, version, started_ms, seen_ms, stale, settled, ports, ready," \
		" CASE WHEN token = '' THEN 1 ELSE 0 END FROM host ORDER BY name LIMIT ?1", \
		NULL }, \
	[STMT_BANKS] = { "banks", "SELECT host, name FROM bank ORDER BY host, name", NULL }, \
	[STMT_BANK_HOST] = { "bank_host", "SELECT host FROM bank WHERE name = ?1", NULL }, \
	[STMT_PORTS_ONLINE] = { "ports_online", \
		"SELECT bank, slot FROM port WHERE host = ?1 AND online = 1", NULL }, \
	[STMT_PORT_OFFLINE] = { "port_offline", \
		"UPDATE port SET online = 0 WHERE bank = ?1 AND slot = ?2 AND host = ?3", NULL }, \
	[STMT_LEASE_GET] = { "lease_get", \
		"SELECT holder, token, fence, until_ms FROM lease WHERE name = 'leader'", NULL }, \
	[STMT_LEASE_PUT] = { "lease_put", \
		"INSERT INTO lease (name, holder, token, fence, until_ms)" \
		" VALUES ('leader', ?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE" \
		" SET holder = excluded.holder, token = excluded.token, fence = excluded.fence," \
		" until_ms = excluded.until_ms", \
		NULL }, \
	[STMT_LEASE_END] = { "lease_end", \
		"UPDATE lease SET until_ms = 0 WHERE name = 'leader' AND holder = ?1" \
		" AND token = ?2", \
		NULL }, \
	[STMT_COUNTER_BUMP] = { "counter_bump", \
		"INSERT INTO counter (name, value) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE" \
		" SET value = counter.value + 1", \
		NULL }, \
	[STMT_COUNTER_RAISE] = { "counter_raise", \
		"UPDATE counter SET value = ?2 WHERE name = ?1 AND value < ?2", NULL }, \
	[STMT_COUNTERS] = { "counters", \
		"SELECT COALESCE((SELECT value FROM counter WHERE name = 'pool'), 0)," \
		" COALESCE((SELECT value FROM counter WHERE name = 'sync'), 0)," \
		" COALESCE((SELECT value FROM counter WHERE name = 'synced'), 0)", \
		NULL }, /* What an older leader sent late does not count. */ \
		[STMT_LISTED] = { "listed", \
			"INSERT INTO listed (platform, host, fence, numbers, sent_ms)" \
			" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (platform) DO UPDATE" \
			" SET host = excluded.host, fence = excluded.fence," \
			" numbers = excluded.numbers, sent_ms = excluded.sent_ms" \
			" WHERE listed.fence <= excluded.fence", \
			NULL }
