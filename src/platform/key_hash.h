/* key_hash.h - customers' keys are kept as hashes. */
#ifndef SIMGATE_PLATFORM_KEY_HASH_H
#define SIMGATE_PLATFORM_KEY_HASH_H

#include "store/store_orders.h"

enum { KEY_NEW_SIZE = 41 }; /* of a key that is made here: 160 bits in hexadecimal, with NUL */

/* SHA-256 in hexadecimal. Keys are long and random: a slow hash would gain nothing. */
void key_hash(const char *key, char out[STORE_KEY_HASH_SIZE]);

/* A new key from the kernel's random source. 0 or a negative errno. */
int key_new(char out[KEY_NEW_SIZE]);

#endif
