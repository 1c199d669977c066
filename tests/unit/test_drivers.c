/* test_drivers.c - the families as data, and what their rows take from a line. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "log_fixture.h"
#include "modem/modem_impl.h"
#include "unit.h"

/* ---- the table ------------------------------------------------------------------------------ */

#define EACH(driver) \
	for (const struct modem_driver *const *driver = modem_drivers; *driver; driver++)

static void test_every_field_is_set(void **state)
{
	(void)state;
	EACH(at)
	{
		const struct modem_driver *driver = *at;
		assert_true(driver->name && *driver->name && driver->about && *driver->about);
		for (const char *c = driver->name; *c; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '-');
		assert_ptr_equal(modem_driver_named(driver->name), driver);
		assert_true(driver->scripts.init && driver->scripts.card && driver->scripts.poll);
		assert_true(
			driver->scripts.tries && driver->scripts.radio && driver->scripts.restart);
		assert_true(driver->urcs && driver->iccid && driver->iccid[0]);
		assert_true(driver->cnmi && driver->cnmi[0]);
		assert_in_range(driver->timing.boot_ms, 3000, 60000);
		assert_in_range(driver->timing.sim_ready_ms, 5000, 60000);
		assert_in_range(driver->timing.pin_ms, 1000, 10000);
		assert_in_range(driver->timing.gap_ms, 0, 500);
		for (const struct at_urc *urc = driver->urcs; urc->prefix; urc++)
			assert_true(*urc->prefix && urc->fn);
	}
	assert_null(modem_driver_named("no-such"));
}

static void test_interfaces_are_few_and_differ(void **state)
{
	(void)state;
	EACH(driver)
	{
		unsigned seen = 0;
		for (const int8_t *at = (*driver)->interfaces; at && *at >= 0; at++) {
			assert_in_range(*at, 0, 15);
			assert_false(seen & 1U << *at);
			seen |= 1U << *at;
		}
	}
}

/* A code that begins like an earlier one would never be looked at. */
static void test_no_code_is_shadowed(void **state)
{
	(void)state;
	EACH(driver)
	{
		for (const struct at_urc *late = (*driver)->urcs; late->prefix; late++)
			for (const struct at_urc *early = (*driver)->urcs; early < late; early++)
				if (strncmp(late->prefix, early->prefix, strlen(early->prefix)) ==
					0)
					fail_msg("%s: \"%s\" behind \"%s\"", (*driver)->name,
						late->prefix, early->prefix);
	}
}

static void test_every_model_finds_its_own_driver(void **state)
{
	char text[64];

	(void)state;
	EACH(driver)
	{
		for (const char *const *model = (*driver)->models; model && *model; model++) {
			snprintf(text, sizeof text, " %sX 1.0", *model);
			if (modem_driver_for(*model) != *driver ||
				modem_driver_for(text) != *driver)
				fail_msg("%s: %s", *model, modem_driver_for(*model)->name);
		}
	}
}

static void test_models_as_modems_give_them(void **state)
{
	static const struct {
		const char *text, *driver;
	} rows[] = {
		{ "SIMCOM_SIM800C SIM800 R14.18", "sim800" },
		{ "SIMCOM_SIM5320E Manufacturer: SIMCOM INCORPORATED", "sim5320" },
		{ "SIMCOM_SIM7600E-H", "sim7600" },
		{ "A7672E-FASE Manufacturer: INCORPORATED Model: A7672E-FASE", "a76xx" },
		{ "A7 Ai Thinker Co.LTD A7", "aithinker" },
		{ "Quectel_M95 Quectel_Ltd Quectel_M95 Revision: M95FAR02A08", "quectel-gsm" },
		{ "QUECTEL_M35", "quectel-gsm" },
		{ "EC200U Quectel EC200U Revision: EC200UEUAAR02A07M08", "quectel-lte" },
		{ "EG25 Quectel EG25 Revision: EG25GGBR07A08M2G", "quectel-lte" },
		{ "E3372 Manufacturer: huawei Model: E3372", "huawei" },
		{ "MF190 Manufacturer: ZTE INCORPORATED", "zte" },
		{ "K3565-Z Manufacturer: ZTE INCORPORATED Model: K3565-Z", "zte" },
		{ " MULTIBAND  900E  1800  WAVECOM MODEM", "wavecom" },
		{ "TC35i SIEMENS TC35i REVISION 03.01", "cinterion" },
		{ "PLS8-E Cinterion PLS8-E REVISION 03.017", "cinterion" },
		{ "GM862-QUAD", "telit" },
		{ "SARA-U201 SARA-U201-03B-00", "ublox" },
		{ "M590 NEOWAY M590 REVISION 01.30", "neoway" },
		{ "L610 Fibocom L610", "fibocom" },
		{ "FM101-GL Fibocom Wireless Inc. FM101-GL", "fibocom" },
		{ "Air724UG AirM2M_Air724UG_V401876_LTE_AT", "luat" },
		{ "M-2", "generic" },
		{ "XSIM900 GSM26", "generic" },
		{ "", "generic" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(modem_driver_for(rows[i].text)->name, rows[i].driver) != 0)
			fail_msg("%s: %s", rows[i].text, modem_driver_for(rows[i].text)->name);
}

/* ---- scripts -------------------------------------------------------------------------------- */

static void check_rows(const char *name, const struct at_script *script)
{
	assert_true(script->count > 0);
	for (size_t i = 0; i < script->count; i++) {
		const struct at_cmd *row = &script->rows[i];
		assert_true(!row->cmd != !row->build);
		assert_true(!row->fn || row->prefix || !row->bare_fn);
		/* some refuse several commands in a line, and of which is an answer? */
		if (row->cmd && (strchr(row->cmd, ';') || strncmp(row->cmd, "AT", 2) == 0))
			fail_msg("%s: %s", name, row->cmd);
	}
}

static void test_scripts_say_one_command_a_row(void **state)
{
	(void)state;
	EACH(driver)
	{
		const struct modem_scripts *scripts = &(*driver)->scripts;
		const struct at_script *all[] = { scripts->init, scripts->card, scripts->poll,
			scripts->tries, scripts->radio, scripts->restart };
		for (size_t i = 0; i < COUNT_OF(all); i++)
			check_rows((*driver)->name, all[i]);
	}
}

static const struct at_cmd *row_of(const struct at_script *script, const char *cmd)
{
	for (size_t i = 0; i < script->count; i++)
		if (script->rows[i].cmd && strcmp(script->rows[i].cmd, cmd) == 0)
			return &script->rows[i];
	return NULL;
}

/* The numbers of another book are not the card's: no reading unless the own one was chosen. */
static void test_own_number_is_read_from_the_own_book(void **state)
{
	(void)state;
	EACH(driver)
	{
		const struct at_script *card = (*driver)->scripts.card;
		const struct at_cmd *book = row_of(card, "+CPBS=\"ON\"");
		assert_non_null(book);
		assert_false(book->may_fail);
		assert_ptr_equal(row_of(card, "+CPBR=1,3"), book + 1);
		assert_ptr_equal(book + 2, card->rows + card->count);
	}
}

static void test_polls_look_at_the_card_first(void **state)
{
	(void)state;
	EACH(driver)
	{
		const struct at_script *poll = (*driver)->scripts.poll;
		bool no_ok = (*driver)->quirks & QUIRK_CPIN_NO_OK;
		assert_string_equal(poll->rows[0].cmd, "+CPIN?");
		assert_false(poll->rows[0].may_fail);
		assert_int_equal(poll->rows[0].no_ok_ms > 0, no_ok);
		assert_ptr_equal(poll->rows[1].build, modem_put_iccid);
		assert_non_null(row_of(poll, "+CREG?"));
		assert_non_null(row_of(poll, "+CSQ"));
	}
}

static void test_lists_of_commands(void **state)
{
	(void)state;
	EACH(driver)
	{
		const char *const *iccid = (*driver)->iccid;
		for (const char *const *cnmi = (*driver)->cnmi; *cnmi; cnmi++)
			assert_int_equal(strncmp(*cnmi, "+CNMI=", 6), 0);
		while (iccid[1])
			iccid++;
		assert_string_equal(*iccid, MODEM_ICCID_FILE);
	}
}

/* ---- lines ---------------------------------------------------------------------------------- */

static struct modem *modem;
static struct modem_env env;

static struct port *no_port(struct loop *loop, struct opener *opener, const char *device,
	const char *object, const struct port_events *events, void *owner)
{
	static const struct port_ops ops = { 0 };
	static struct port port;

	(void)loop, (void)opener, (void)device, (void)object;
	port = (struct port) { &ops, events, owner };
	return &port;
}

static void test_registration(void **state)
{
	static const struct {
		const char *line;
		enum modem_reg cs, ps, eps;
		int act;
		bool urc;
	} rows[] = {
		{ "+CREG: 1,1", REG_HOME, 0, 0, -1, false },
		{ "+CREG: 0,5,\"00A1\",\"1F2B\",2", REG_ROAMING, 0, 0, 2, false },
		{ "+CREG:002,001,\"00a1\",\"1f2b\"", REG_HOME, 0, 0, -1, false },
		{ "+CREG: 2,1,\"0C,\"0100702\",7", REG_HOME, 0, 0, 7, false },
		{ "+CREG: 2,1,  0 6, 2716", REG_HOME, 0, 0, -1, false },
		{ "+CREG: 2,5, 1608, 14DC, 3", REG_ROAMING, 0, 0, 3, false },
		{ "+CGREG: 2,1,\"00A1\",\"00001F2B\",3,\"01\"", 0, REG_HOME, 0, 3, false },
		{ "+CGREG:2,10,00a1,1f2b", 0, REG_ROAMING, 0, -1, false },
		{ "+CEREG: 2,1, 1F01, 79D904 ,7", 0, 0, REG_HOME, 7, false },
		{ "+CEREG: 2,5,\"1F01\",\"20\",\"79D904\",7", 0, 0, REG_ROAMING, 7, false },
		{ "+CREG: 2,11,0040,8FE4, B, C2817", REG_NONE, 0, 0, -1, false },
		{ "+CREG: 1,6,\"8B38\",\"0A265186\",7", REG_HOME, 0, 0, 7, false },
		{ "+CREG: 2", REG_SEARCHING, 0, 0, -1, true },
		{ "+CREG: 2,,", REG_SEARCHING, 0, 0, -1, true },
		{ "+CREG: 001,\"0002\",\"0011\",000", REG_HOME, 0, 0, 0, true },
		{ "+CREG: 1,8BE4,2BB0", REG_HOME, 0, 0, -1, true },
		{ "+CREG: 5,\"00A1\",\"1F2B\",7", REG_ROAMING, 0, 0, 7, true },
		{ "+CREG: 10,0002,0011,0", REG_ROAMING, 0, 0, 0, true },
		{ "+CEREG: 1, 1F01, 79D904 ,7", 0, 0, REG_HOME, 7, true },
		{ "+CGREG: 1,\"00A1\",\"00001F2B\",3", 0, REG_HOME, 0, 3, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		modem_sim_forget(modem);
		if (modem_on_creg(modem, rows[i].line) == rows[i].urc)
			fail_msg("%s", rows[i].line);
		if (rows[i].urc && !modem_on_creg_urc(modem, rows[i].line))
			fail_msg("%s", rows[i].line);
		if (modem->reg_cs != rows[i].cs || modem->reg_ps != rows[i].ps ||
			modem->reg_eps != rows[i].eps || modem->act != rows[i].act)
			fail_msg("%s: %d %d %d %d", rows[i].line, modem->reg_cs, modem->reg_ps,
				modem->reg_eps, modem->act);
	}
}

static void test_packet_service_alone_is_no_registration(void **state)
{
	(void)state;
	modem_sim_forget(modem);
	assert_true(modem_on_creg(modem, "+CREG: 0,3"));
	assert_true(modem_on_creg(modem, "+CGREG: 0,1"));
	assert_int_equal(modem->reg, REG_DENIED);
}

static void test_own_number(void **state)
{
	static const struct {
		at_line_fn *fn;
		const char *line, *number;
	} rows[] = {
		{ modem_on_cnum, "+CNUM: \"\",\"+46700100017\",145,7,4", "+46700100017" },
		{ modem_on_cnum, "+CNUM: ,\"46700100017\",145", "+46700100017" },
		{ modem_on_cnum, "+CNUM: Own,+46700100017,145", "+46700100017" },
		{ modem_on_cnum, "+CNUM: \"My \"own\"\",\"+46700100017\",145", "+46700100017" },
		{ modem_on_cnum, "+CNUM: \"a, b\",\"+46700100017\",145", "+46700100017" },
		{ modem_on_cnum, "+CNUM: \"N\xe4\"t\",\"\",0", "" },
		{ modem_on_cnum, "+CNUM: \"\",\"0700100017\",129", "" },
		{ modem_on_cnum, "+CNUM: \"\",\"\",145", "" },
		{ modem_on_cpbr, "+CPBR: 1,\"+46700100017\",145,\"Own\"", "+46700100017" },
		{ modem_on_cpbr, "+CPBR: 1,\"+46700100017\",145,\"\"Me\"\"", "+46700100017" },
		{ modem_on_cpbr, "+CPBR: 2,\"46700100017\",145,\"\"", "+46700100017" },
		{ modem_on_cpbr, "+CPBR: 1,\"0700100017\",129,\"Own\"", "" },
		{ modem_on_cpbr, "+CPBR: 1,\"\",129,\"+46700100017\"", "" },
		{ modem_on_cpbr, "+CPBR: (1-3),20,14", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		modem_sim_forget(modem);
		assert_true(rows[i].fn(modem, rows[i].line));
		if (strcmp(modem->cnum, rows[i].number) != 0)
			fail_msg("%s: %s", rows[i].line, modem->cnum);
	}
	modem_on_cnum(modem, "+CNUM: \"\",\"+46700100018\",145");
	modem_on_cpbr(modem, "+CPBR: 1,\"+46700100019\",145,\"Own\""); /* the first one stays */
	assert_string_equal(modem->cnum, "+46700100018");
}

static void test_pin_tries(void **state)
{
	static const struct {
		const char *line;
		int tries;
	} rows[] = {
		{ "+SPIC: 3,10,0,10", 3 },
		{ "+QPINC: \"SC\",2,10", 2 },
		{ "^CPIN: SIM PIN,3,10,3,10,3", 3 },
		{ "+CPINR: SIM PIN,1,3", 1 },
		{ "+CPINR: SIM PIN2,1,3", -1 },
		{ "+CPINR: SIM PUK,10,10", -1 },
		{ "+CPNNUM: PIN1=3; PUK1=10; PIN2=0; PUK2=10", 3 },
		{ "#PCT: 0", 0 },
		{ "^SPIC: 3", 3 },
		{ "+UPINCNT: 3,3,10,10", 3 },
		{ "+ZPINPUK:10,3", 10 },
		{ "+QPINC: \"SC\"", -1 },
		{ "+SPIC:", -1 },
		{ "+SPIC: 4294967296", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		modem_sim_forget(modem);
		assert_int_equal(modem->pin_tries, -1);
		assert_int_equal(modem_on_pin_tries(modem, rows[i].line), rows[i].tries >= 0);
		if (modem->pin_tries != rows[i].tries)
			fail_msg("%s: %d", rows[i].line, modem->pin_tries);
	}
}

static void test_identities(void **state)
{
	(void)state;
	assert_true(modem_on_imsi(modem, "+CIMI: 240010000000018"));
	assert_string_equal(modem->imsi, "240010000000018");
	assert_true(modem_on_imsi(modem, "240010000000019"));
	assert_string_equal(modem->imsi, "240010000000019");
	assert_false(modem_on_imsi(modem, "+CIMI: 24001"));
	assert_false(modem_on_imsi(modem, "24001000000001x"));
	assert_true(modem_on_imei(modem, "490154203237518,AB12CD34"));
	assert_string_equal(modem->imei, "490154203237518");
	assert_true(modem_on_imei(modem, "+CGSN: \"490154203237526\""));
	assert_string_equal(modem->imei, "490154203237526");
	assert_false(modem_on_imei(modem, "+CGSN: 7"));
}

static void test_card_state_with_its_holder(void **state)
{
	(void)state;
	modem_on_cpin(modem, "+CPIN: READY 0");
	assert_string_equal(modem->sim_state, "READY");
	modem_on_cpin(modem, "+CPIN: SIM REMOVED 0");
	assert_string_equal(modem->sim_state, "SIM REMOVED 0");
}

static void test_access_technology_of_the_operator(void **state)
{
	(void)state;
	modem_sim_forget(modem);
	modem_on_cops(modem, "+COPS: 0,2,\"24001\",7");
	assert_int_equal(modem->act, 7);
	modem_on_cops(modem, "+COPS: 0");
	assert_int_equal(modem->act, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_set),
		cmocka_unit_test(test_interfaces_are_few_and_differ),
		cmocka_unit_test(test_no_code_is_shadowed),
		cmocka_unit_test(test_every_model_finds_its_own_driver),
		cmocka_unit_test(test_models_as_modems_give_them),
		cmocka_unit_test(test_scripts_say_one_command_a_row),
		cmocka_unit_test(test_own_number_is_read_from_the_own_book),
		cmocka_unit_test(test_polls_look_at_the_card_first),
		cmocka_unit_test(test_lists_of_commands),
		cmocka_unit_test(test_registration),
		cmocka_unit_test(test_packet_service_alone_is_no_registration),
		cmocka_unit_test(test_own_number),
		cmocka_unit_test(test_pin_tries),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_card_state_with_its_holder),
		cmocka_unit_test(test_access_technology_of_the_operator),
	};
	struct modem_config config = { "b", "s", "/nowhere", NULL, 115200, NULL };
	int failed;

	log_keep();
	env = (struct modem_env) { .loop = loop_new_manual(0, 0), .port_new = no_port };
	modem = modem_new(&env, &config);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	modem->port = NULL; /* it is nobody's */
	modem_free(modem);
	loop_free(env.loop);
	return failed;
}
