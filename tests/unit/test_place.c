/* test_place.c - paths of real hosts, nested hubs, controllers, banks that move; names of slots. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/place.h"
#include "unit.h"

#define PC "pci-0000:00:14.0-usb-0"
#define PI "platform-fd500000.pcie-pci-0000:01:00.0-usb-0"
#define IP "platform-vhci_hcd.0-usb-0"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int err, config, interface;
		const char *device;
	} rows[] = {
		{ PC ":1:1.0", 0, 1, 0, PC ":1" },
		{ PC ":1.4.2:1.2", 0, 1, 2, PC ":1.4.2" },
		{ PC ":1.4.2.7.3:2.14", 0, 2, 14, PC ":1.4.2.7.3" },
		{ PI ":1.3:1.3", 0, 1, 3, PI ":1.3" },
		{ IP ":1:1.0", 0, 1, 0, IP ":1" },
		{ PC ":1.2", 0, PLACE_ANY, PLACE_ANY, PC ":1.2" },
		{ "pci-0000:02:00.0", 0, PLACE_ANY, PLACE_ANY, "pci-0000:02:00.0" },
		{ "platform-serial8250", 0, PLACE_ANY, PLACE_ANY, "platform-serial8250" },
		{ "", -EINVAL, 0, 0, "" },
		{ PC, -EINVAL, 0, 0, "" },
		{ PC ":", -EINVAL, 0, 0, "" },
		{ PC ":1.", -EINVAL, 0, 0, "" },
		{ PC ":0", -EINVAL, 0, 0, "" },
		{ PC ":1.2:", -EINVAL, 0, 0, "" },
		{ PC ":1.2:1", -EINVAL, 0, 0, "" },
		{ PC ":1.2:1.", -EINVAL, 0, 0, "" },
		{ PC ":1.2:1.0x", -EINVAL, 0, 0, "" },
		{ PC ":1.2:1.0:1.0", -EINVAL, 0, 0, "" },
		{ PC ":99999999999999999999", -EINVAL, 0, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct place place = { "untouched", 9, 9, 9 };
		if (place_parse(rows[i].text, 3, &place) != rows[i].err)
			fail_msg("%s", rows[i].text);
		assert_string_equal(place.device, rows[i].err ? "untouched" : rows[i].device);
		if (rows[i].err)
			continue;
		assert_int_equal(place.config, rows[i].config);
		assert_int_equal(place.interface, rows[i].interface);
		assert_int_equal(place.port, 3);
	}
}

static void test_too_long(void **state)
{
	char text[2 * PLACE_PATH_SIZE];
	struct place place;

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "pci-", 4);
	text[PLACE_PATH_SIZE - 1] = '\0';
	assert_int_equal(place_parse(text, PLACE_ANY, &place), 0);
	text[PLACE_PATH_SIZE - 1] = 'a';
	text[PLACE_PATH_SIZE] = '\0';
	assert_int_equal(place_parse(text, PLACE_ANY, &place), -ENAMETOOLONG);
	assert_non_null(place_root_fault(text));
}

static void test_below(void **state)
{
	static const struct {
		const char *device, *root, *below; /* NULL: is not */
	} rows[] = {
		{ PC ":1.2", PC ":1", "2" },
		{ PC ":1.2.3.4", PC ":1", "2.3.4" },
		{ PC ":1.2.3.4", PC ":1.2", "3.4" },
		{ PC ":1", PC ":1", "" },
		{ PC ":12", PC ":1", NULL },
		{ PC ":12.1", PC ":1", NULL },
		{ PC ":1", PC ":1.2", NULL },
		{ PC ":2.1", PC ":1", NULL },
		{ PC ":1.2", PC, "1.2" },
		/* a whole controller; its own address has dots and colons */
		{ PC ":1.2", "pci-0000:00:14.0", "1.2" },
		{ PC, "pci-0000:00:14.0", "" },
		{ "pci-0000:00:14.0-usb-01:1", "pci-0000:00:14.0", NULL },
		{ PC ":1.2", "pci-0000:00:14", NULL },
		{ PC ":1.2", "pci-0000:00", NULL },
		{ PC ":1.2", "pci-0000", NULL },
		{ "pci-0000:00:14.0", "pci-0000:00:14.0", "" },
		{ PI ":1.2", "platform-fd500000", NULL },
		{ PI ":1.2", "platform-fd500000.pcie", NULL },
		{ PI ":1.2", PI ":1", "2" },
		/* the same bank on another controller, bus or port */
		{ "pci-0000:00:14.0-usb-0:1.2", "pci-0000:00:14.1-usb-0:1", NULL },
		{ "platform-serial8250", "platform-serial8250", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *below = place_below(rows[i].device, rows[i].root);
		if (!below != !rows[i].below || (below && strcmp(below, rows[i].below) != 0))
			fail_msg("%s below %s: %s", rows[i].device, rows[i].root,
				below ? below : "no");
	}
}

static void test_roots(void **state)
{
	static const char *const good[] = { PC ":1", PC ":1.2.3", PC, PI ":1", "pci-0000:02:00.0",
		"platform-serial8250", IP ":1" };
	static const struct {
		const char *text, *fault;
	} bad[] = {
		{ "", "no path" },
		{ "/dev/ttyUSB0", "no path" },
		{ "usb-0:1", "no path" },
		{ "-usb-0:1", "lacks the controller" },
		{ "1-1.2", "ID_PATH" },
		{ PC ":1:1.0", "interface" },
		{ PC ":1.*", "no path" },
		{ PC ":1.2.", "topology" },
		{ PC ":x", "topology" },
		{ PC ":1 ", "no path" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (place_root_fault(good[i]))
			fail_msg("%s: %s", good[i], place_root_fault(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const char *fault = place_root_fault(bad[i].text);
		if (!fault || !strstr(fault, bad[i].fault))
			fail_msg("%s: %s", bad[i].text, fault ? fault : "good");
	}
}

static void test_hub(void **state)
{
	static const char *const rows[][2] = {
		{ PC ":1.2.3", PC ":1.2" },
		{ PC ":1.2", PC ":1" },
		{ PC ":1", PC },
		{ PI ":1", PI },
		{ "platform-serial8250", "platform-serial8250" },
	};
	char hub[PLACE_PATH_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		place_hub(rows[i][0], hub, sizeof hub);
		assert_string_equal(hub, rows[i][1]);
	}
}

static void test_specs(void **state)
{
	static const struct {
		const char *text;
		int err;
		struct place_spec spec;
	} rows[] = {
		{ "1", 0, { "1", -1, -1, -1 } },
		{ "1.1:1.2", 0, { "1.1", 1, 2, -1 } },
		{ "1.1:1.2-port0", 0, { "1.1", 1, 2, 0 } },
		{ "1.1-port7", 0, { "1.1", -1, -1, 7 } },
		{ ":1.0", 0, { "", 1, 0, -1 } },
		{ "-port3", 0, { "", -1, -1, 3 } },
		{ "", -EINVAL, { "", 0, 0, 0 } },
		{ "1.", -EINVAL, { "", 0, 0, 0 } },
		{ ".1", -EINVAL, { "", 0, 0, 0 } },
		{ "0.1", -EINVAL, { "", 0, 0, 0 } },
		{ "1:2", -EINVAL, { "", 0, 0, 0 } },
		{ "1:1.2:1.2", -EINVAL, { "", 0, 0, 0 } },
		{ "1-port", -EINVAL, { "", 0, 0, 0 } },
		{ "1-port1x", -EINVAL, { "", 0, 0, 0 } },
		{ "1-port1:1.0", -EINVAL, { "", 0, 0, 0 } },
		{ PC ":1.1", -EINVAL, { "", 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct place_spec spec;
		if (place_spec_parse(rows[i].text, &spec) != rows[i].err)
			fail_msg("%s", rows[i].text);
		if (rows[i].err)
			continue;
		assert_string_equal(spec.path, rows[i].spec.path);
		assert_int_equal(spec.config, rows[i].spec.config);
		assert_int_equal(spec.interface, rows[i].spec.interface);
		assert_int_equal(spec.port, rows[i].spec.port);
	}
}

static void test_spec_covers_and_overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "1.1", "1.1", true },
		{ "1.1", "1.1:1.2", true },
		{ "1.1:1.2", "1.1:1.3", false },
		{ "1.1:1.2", "1.1:2.2", false },
		{ "1.1-port0", "1.1-port1", false },
		{ "1.1:1.0-port0", "1.1-port0", true },
		{ "1.1:1.0-port0", "1.1-port1", false },
		{ "1.1", "1.11", false },
	};
	struct place place;
	struct place_spec a, b;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(place_spec_parse(rows[i].a, &a), 0);
		assert_int_equal(place_spec_parse(rows[i].b, &b), 0);
		if (place_spec_overlap(&a, &b) != rows[i].overlap ||
			place_spec_overlap(&b, &a) != rows[i].overlap)
			fail_msg("%s, %s", rows[i].a, rows[i].b);
	}
	assert_int_equal(place_parse(PC ":1.4:1.2", 0, &place), 0);
	place_spec_parse("4:1.2-port0", &a);
	assert_true(place_spec_covers(&a, "4", &place));
	assert_false(place_spec_covers(&a, "4.1", &place));
	place_spec_parse("4", &a);
	assert_true(place_spec_covers(&a, "4", &place));
	place_spec_parse("4:1.3", &a);
	assert_false(place_spec_covers(&a, "4", &place));
	place_spec_parse("4-port1", &a);
	assert_false(place_spec_covers(&a, "4", &place));
}

static void test_names(void **state)
{
	static const struct {
		const char *path, *root;
		int port;
		bool by_interface, by_port;
		const char *name;
	} rows[] = {
		{ PC ":1.4.2:1.2", PC ":1", 0, false, false, "4.2" },
		{ PC ":1.4.2:1.2", PC ":1", 0, true, false, "4.2_1.2" },
		{ PC ":1.4.2:1.0", PC ":1", 3, false, true, "4.2-port3" },
		{ PC ":1.4.2:1.0", PC ":1", 3, true, true, "4.2_1.0-port3" },
		{ PC ":1:1.0", PC ":1", 0, true, false, "1.0" },
		{ PC ":1:1.0", PC ":1", 2, false, true, "port2" },
		{ PC ":1:1.0", PC ":1", 0, false, false, "modem" },
		{ PC ":1.4:1.0", "pci-0000:00:14.0", 0, false, false, "1.4" },
		{ "platform-serial8250", "platform-serial8250", PLACE_ANY, false, true, "modem" },
		/* the bank in another socket of another host: the same names */
		{ PI ":2.3.4.2:1.2", PI ":2.3", 0, false, false, "4.2" },
		{ PI ":2.3.4.2:1.2", PI ":2.3", 0, true, false, "4.2_1.2" },
	};
	char name[PLACE_PATH_SIZE];
	struct place place;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(place_parse(rows[i].path, rows[i].port, &place), 0);
		place_name(place_below(place.device, rows[i].root), &place, rows[i].by_interface,
			rows[i].by_port, name, sizeof name);
		assert_string_equal(name, rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_hub),
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_spec_covers_and_overlaps),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
