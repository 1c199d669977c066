/* metrics_process.c - the process_* set, as every exporter has it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/metrics_text.h"

static int64_t milli_of(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static int64_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t count = -3; /* ".", ".." and this folder's own */

	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Pages of the process: all, and those in memory. False: they cannot be read. */
static bool memory_pages(int64_t *all, int64_t *resident)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128] = "", *end = line;

	if (!file)
		return false;
	if (fgets(line, sizeof line, file)) {
		*all = strtoll(line, &end, 10);
		*resident = strtoll(end, NULL, 10);
	}
	fclose(file);
	return end != line;
}

static void write_gauge(
	struct metrics_text *text, const char *name, const char *help, int64_t value)
{
	metrics_family(text, name, "gauge", help);
	metrics_int(text, name, NULL, value);
}

void metrics_process(struct metrics_text *text, int64_t started_wall_ms)
{
	int64_t all = 0, resident = 0, page = sysconf(_SC_PAGESIZE);
	struct rlimit limit = { 0 };
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &limit);
	metrics_family(text, "process_cpu_seconds_total", "counter",
		"Time of the processors used, by user and system.");
	metrics_milli(text, "process_cpu_seconds_total", NULL,
		milli_of(usage.ru_utime) + milli_of(usage.ru_stime));
	write_gauge(text, "process_open_fds", "Open file descriptors.", open_descriptors());
	write_gauge(text, "process_max_fds", "The most there may be.", (int64_t)limit.rlim_cur);
	if (memory_pages(&all, &resident)) {
		write_gauge(text, "process_virtual_memory_bytes", "Virtual memory.", all * page);
		write_gauge(
			text, "process_resident_memory_bytes", "Memory in use.", resident * page);
	}
	metrics_family(text, "process_start_time_seconds", "gauge", "When the process started.");
	metrics_milli(text, "process_start_time_seconds", NULL, started_wall_ms);
}
