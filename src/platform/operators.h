/* operators.h - names of mobile networks by MCC and MNC, from mobile-broadband-provider-info.
 *
 * That file is public-domain data in XML, a Debian package of its own, kept current by others. It
 * is read when the daemon starts: so it is this host's newest, and nothing of it is in this tree.
 */
#ifndef SIMGATE_PLATFORM_OPERATORS_H
#define SIMGATE_PLATFORM_OPERATORS_H

#include <stddef.h>

#define OPERATORS_FILE "/usr/share/mobile-broadband-provider-info/serviceproviders.xml"

enum {
	OPERATOR_NAME_SIZE = 64,
	OPERATORS_FILE_MAX = 8 * 1024 * 1024,
	OPERATORS_MAX = 16384, /* networks; the rest are passed over */
};

struct operators;

/* The names in that file. 0, or a negative errno: -ENOENT where it is not installed, -EFBIG, and
 * -EBADMSG with the line in *line where it is no well-formed XML. *out is the caller's. */
int operators_load(const char *path, struct operators **out, unsigned long *line);
void operators_free(struct operators *operators); /* takes NULL */

size_t operators_count(const struct operators *operators);

/* The name of the network whose code begins these digits (an IMSI, or the code itself), the longest
 * code first; NULL if it is not known. operators may be NULL. */
const char *operators_name(const struct operators *operators, const char *digits);

/* "T-Mobile (Telekom)" as platforms write names: "tmobile". Letters and digits in lower case, '_'
 * for blanks inside; a remark in parentheses is left out. */
void operators_plain_name(const char *name, char out[OPERATOR_NAME_SIZE]);

#endif
