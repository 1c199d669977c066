/* sms_code.h - the code that a text was sent for. Pure. */
#ifndef SIMGATE_PLATFORM_SMS_CODE_H
#define SIMGATE_PLATFORM_SMS_CODE_H

#include <stdbool.h>

enum { SMS_CODE_SIZE = 9 }; /* 8 digits with NUL */

/* The longest run of 4 to 8 digits, the first of equal ones; also in groups, as 123-456 or
 * 12 34 56. Phone numbers with '+', dates, times and amounts with decimals are none. False: there
 * is no such run. */
bool sms_code_find(const char *text, char out[SMS_CODE_SIZE]);

#endif
