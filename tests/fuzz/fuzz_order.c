/* fuzz_order.c - what a platform that orders sends: nothing of it is trusted. The first byte says
 * whether it came where rents do; the rest is the body. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_read(const struct order_request *order, bool rent_path)
{
	require(order->sum >= -1);
	require(strlen(order->country) < ORDER_NAME_SIZE);
	for (size_t i = 0; i < order->prefix_count; i++) {
		const char *digits = order->prefixes[i].digits;
		require(*digits && strspn(digits, "0123456789") == strlen(digits));
	}
	switch (order->action) {
	case ORDER_SERVICES: break;
	case ORDER_NUMBER:
		require(order->rent || (order->service[0] && order->country[0]));
		require(!rent_path || order->rent || order->service[0]);
		order_excludes(order, "+46700100201");
		break;
	case ORDER_FINISH:
		require(order->activation_id >= 1);
		require(order->status >= 1 && order->status <= 5 && order->status != 2);
		break;
	}
}

/* Names that a request holds are those of an answer, at worst. */
static void check_print(const struct order_request *order)
{
	struct order_offer offers[] = { { order->country, order->operator_name, order->service, 1 },
		{ order->service, order->country, order->operator_name, 2 },
		{ order->country, order->operator_name, order->service, 3 } };

	for (int shown = ORDER_OPERATORS_SUM; shown <= ORDER_OPERATORS_ANY; shown++) {
		char *text = order_print_services(offers, 3, (enum order_operators)shown);
		require(text && text[0] == '{');
		free(text);
	}
	require(order_same_name(order->country, order->country));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct order_request order;
	const char *why = NULL;

	if (size == 0)
		return 0;
	char *body = malloc(size);
	require(body);
	memcpy(body, data + 1, size - 1); /* without a NUL behind it */
	char *exact = realloc(body, size - 1 ? size - 1 : 1);
	require(exact);
	int err = order_read(exact, size - 1, data[0] & 1, &order, &why);
	require(err == 0 || ((err == -EINVAL || err == -EBADMSG) && why));
	if (err == 0) {
		check_read(&order, data[0] & 1);
		check_print(&order);
	}
	order_request_done(&order);
	free(exact);
	return 0;
}
