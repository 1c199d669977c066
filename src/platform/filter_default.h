/* filter_default.h - the text of src/dist/filter.default, made at build time. */
#ifndef SIMGATE_PLATFORM_FILTER_DEFAULT_H
#define SIMGATE_PLATFORM_FILTER_DEFAULT_H

#include <stddef.h>

extern const unsigned char filter_default[];
extern const size_t filter_default_len;

#endif
