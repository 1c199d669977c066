/* store_job.c - a job's memory: its arguments, its results, the rows it reads. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 512 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

static void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;

	struct arena_chunk *chunk = arena->chunks;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t want = size > ARENA_CHUNK ? size : ARENA_CHUNK;
		chunk = calloc(1, sizeof(*chunk) + want);
		if (!chunk)
			return NULL;
		chunk->size = want;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}

	void *mem = chunk->data + chunk->used;
	chunk->used += size;
	return mem;
}

static void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(arena, count * size);
}

static const char *arena_text(struct arena *arena, const char *text)
{
	if (!*text)
		return "";
	size_t size = strlen(text) + 1;
	char *copy = arena_alloc(arena, size);
	if (copy)
		memcpy(copy, text, size);
	return copy;
}

static void arena_free(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;
		free(arena->chunks);
		arena->chunks = next;
	}
}

void store_job_reset(struct store_job *job)
{
	arena_free(&job->out);
	job->result = NULL;
	job->why = NULL;
	job->count = 0;
	job->err = 0;
	job->refused = 0;
	job->wrote = false;
}

void store_job_free(struct store_job *job)
{
	arena_free(&job->in);
	arena_free(&job->out);
	free(job);
}

const char *job_text(struct store_job *job, const char *text)
{
	if (job->err || !text)
		return "";
	const char *copy = arena_text(&job->in, text);
	if (copy)
		return copy;
	job->err = -ENOMEM;
	return "";
}

const char *job_name(struct store_job *job, const char *text, size_t size)
{
	if (!job->err && text && strnlen(text, size) == size)
		job->err = -EINVAL;
	return job_text(job, text);
}

void *job_array(struct store_job *job, size_t count, size_t size)
{
	if (job->err || !count)
		return NULL;
	void *mem = arena_array(&job->in, count, size);
	if (!mem)
		job->err = -ENOMEM;
	return mem;
}

const char *const *job_names(struct store_job *job, const char *const *names, size_t count)
{
	const char **copies = job_array(job, count, sizeof(*copies));

	for (size_t i = 0; copies && i < count; i++)
		copies[i] = job_name(job, names[i], STORE_NAME_SIZE);
	return copies;
}

void *job_out(struct store_job *job, size_t count, size_t size)
{
	return arena_array(&job->out, count ? count : 1, size);
}

const struct backend_value *table_row(const struct store_table *table, size_t row)
{
	return table->cells + row * table->cols;
}

struct collect {
	struct store_job *job;
	struct store_table *table;
};

static int table_grow(struct store_job *job, struct store_table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 4;
	struct backend_value *cells = job_out(job, capacity, table->cols * sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	if (table->rows)
		memcpy(cells, table->cells, table->rows * table->cols * sizeof(*cells));
	table->cells = cells;
	table->capacity = capacity;
	return 0;
}

static int collect_row(void *arg, const struct backend_value *cols, size_t count)
{
	struct collect *collect = arg;
	struct store_table *table = collect->table;

	table->cols = count;
	if (table->rows == table->capacity && table_grow(collect->job, table))
		return -ENOMEM;

	struct backend_value *row = table->cells + table->rows * count;
	for (size_t i = 0; i < count; i++) {
		row[i] = cols[i];
		row[i].text = arena_text(&collect->job->out, cols[i].text);
		if (!row[i].text)
			return -ENOMEM;
	}
	table->rows++;
	return 0;
}

void store_job_say(struct store_job *job, const char *words)
{
	job->why = arena_text(&job->out, words);
}

/* The connection forgets the words at the rollback. */
void store_job_why(struct store_job *job, const char *name)
{
	const struct store_db *db = store_db(job->store);
	const char *words = db->backend->error(db->conn);
	char *why = arena_alloc(&job->out, strlen(name) + strlen(words) + 3);
	if (why) {
		strcpy(stpcpy(stpcpy(why, name), ": "), words);
		job->why = why;
	}
}

static int64_t job_exec(struct store_job *job, enum store_stmt stmt,
	const struct backend_value *params, size_t count, struct collect *collect)
{
	const struct store_db *db = store_db(job->store);
	int64_t n = db->backend->exec(
		db->conn, (int)stmt, params, count, collect ? collect_row : NULL, collect);
	if (n < 0)
		store_job_why(job, store_stmts[stmt].name);
	return n;
}

int store_put(struct store_job *job, enum store_stmt stmt, const struct backend_value *params,
	size_t count)
{
	const struct store_db *db = store_db(job->store);
	int err = db->backend->send(db->conn, (int)stmt, params, count);
	if (err)
		store_job_why(job, store_stmts[stmt].name);
	return err;
}

int64_t store_ahead_ms(const struct store_job *job, int64_t now_ms)
{
	const struct store_db *db = store_db(job->store);
	int64_t theirs_ms = db->backend->now_ms(db->conn);
	return theirs_ms ? theirs_ms - now_ms : 0;
}

int64_t store_exec(struct store_job *job, enum store_stmt stmt, const struct backend_value *params,
	size_t count)
{
	return job_exec(job, stmt, params, count, NULL);
}

int store_select(struct store_job *job, enum store_stmt stmt, const struct backend_value *params,
	size_t count, struct store_table *out)
{
	struct store_table table = { 0 };
	struct collect collect = { job, &table };

	int64_t n = job_exec(job, stmt, params, count, &collect);
	if (n < 0)
		return (int)n;
	*out = table;
	return 0;
}
