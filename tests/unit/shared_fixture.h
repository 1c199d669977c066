/* shared_fixture.h - samples that lie beside the tree, where they are present. */
#ifndef SIMGATE_TESTS_SHARED_FIXTURE_H
#define SIMGATE_TESTS_SHARED_FIXTURE_H

#include <cjson/cJSON.h>

#include "unit.h"

/* A file of theirs, the caller's to delete; NULL, which is said: it is not there. Fails the test
 * where it is no JSON. */
cJSON *shared_read(const char *name);

/* A text of an object; "" where it has none. */
const char *shared_text(const cJSON *json, const char *name);

#endif
