/* ctl.h - line protocol for steering a test double: one line in, one line out. */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdio.h>

struct ctl;

/* Writes one line, without its end, to reply. May change the bytes of line. */
typedef void ctl_line_fn(void *arg, char *line, FILE *reply);

/* path NULL: no socket. from_stdin: lines of standard input too, answered on standard output. */
struct ctl *ctl_new(const char *path, bool from_stdin, ctl_line_fn *fn, void *arg);

/* Removes the socket. NULL is fine. */
void ctl_free(struct ctl *ctl);

/* Readable when ctl_turn() has work; owned by ctl. */
int ctl_fd(const struct ctl *ctl);

/* Serves what is ready; never waits for input. The lines it served. */
unsigned ctl_turn(struct ctl *ctl);

/* The next word of *text, or NULL; the word is cut out of the line, *text moves behind it. */
char *ctl_word(char **text);

/* A decimal number and nothing else. */
bool ctl_number(const char *word, long least, long most, long *value);

#endif
