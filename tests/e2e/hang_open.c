/* hang_open.c - a preload in which open() of $HANG_PATH hangs while the file $HANG_FLAG exists. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int open_fn(const char *path, int flags, ...);
typedef int openat_fn(int dir, const char *path, int flags, ...);

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int openat(int dir, const char *path, int flags, ...);
int openat64(int dir, const char *path, int flags, ...);

/* As in the kernel: nothing but the device itself ends it. */
static void hang(const char *path)
{
	const char *wanted = getenv("HANG_PATH"), *flag = getenv("HANG_FLAG");

	while (wanted && flag && strcmp(path, wanted) == 0 && access(flag, F_OK) == 0)
		usleep(20000);
}

static void *next_of(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(NAME) \
	int NAME(const char *path, int flags, ...) \
	{ \
		va_list ap; \
\
		va_start(ap, flags); \
		mode_t mode = mode_of(flags, ap); \
		va_end(ap); \
		hang(path); \
		open_fn *next = (open_fn *)(size_t)next_of(#NAME); \
		return next(path, flags, mode); \
	}

#define OPENAT(NAME) \
	int NAME(int dir, const char *path, int flags, ...) \
	{ \
		va_list ap; \
\
		va_start(ap, flags); \
		mode_t mode = mode_of(flags, ap); \
		va_end(ap); \
		hang(path); \
		openat_fn *next = (openat_fn *)(size_t)next_of(#NAME); \
		return next(dir, path, flags, mode); \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
