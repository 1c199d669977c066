/* e164.c - country calling codes (ITU-T E.164, list of assigned country codes). */
#include <stddef.h>

#include "platform/platform.h"

enum { E164_DIGITS_MAX = 15 };

/* Assigned codes of three digits, as ranges. Codes of one and two digits follow from the zones. */
static const struct {
	int first, last;
} three_digits[] = {
	{ 211, 213 },
	{ 216, 216 },
	{ 218, 218 },
	{ 220, 258 },
	{ 260, 269 },
	{ 290, 291 },
	{ 297, 299 },
	{ 350, 359 },
	{ 370, 383 },
	{ 385, 387 },
	{ 389, 389 },
	{ 420, 421 },
	{ 423, 423 },
	{ 500, 509 },
	{ 590, 599 },
	{ 670, 670 },
	{ 672, 683 },
	{ 685, 692 },
	{ 800, 800 },
	{ 808, 808 },
	{ 850, 850 },
	{ 852, 853 },
	{ 855, 856 },
	{ 870, 870 },
	{ 878, 878 },
	{ 880, 883 },
	{ 886, 886 },
	{ 888, 888 },
	{ 960, 968 },
	{ 970, 977 },
	{ 979, 979 },
	{ 992, 996 },
	{ 998, 998 },
};

static const int two_digits[] = { 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47,
	48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91,
	92, 93, 94, 95, 98 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

int e164_country(const char *number)
{
	size_t len = 0;

	if (number[0] != '+')
		return 0;
	for (number++; number[len]; len++)
		if (number[len] < '0' || number[len] > '9' || len == E164_DIGITS_MAX)
			return 0;
	if (len < 4)
		return 0;
	if (number[0] == '1' || number[0] == '7')
		return number[0] - '0';
	int two = (number[0] - '0') * 10 + number[1] - '0';
	for (size_t i = 0; i < COUNT(two_digits); i++)
		if (two_digits[i] == two)
			return two;
	int three = two * 10 + number[2] - '0';
	for (size_t i = 0; i < COUNT(three_digits); i++)
		if (three >= three_digits[i].first && three <= three_digits[i].last)
			return three;
	return 0;
}
