/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_LIBEDIT_H
#define HOST_LIBEDIT_H

#include <stdbool.h>

#include <histedit.h>

/* libedit's functions under their own names without el_. Wide ones where text is concerned: what
 * libedit counts are characters. */
struct libedit {
	EditLine *(*init)(const char *, FILE *, FILE *, FILE *);
	void (*end)(EditLine *);
	int (*set)(EditLine *, int, ...);
	int (*wset)(EditLine *, int, ...);
	int (*get)(EditLine *, int, ...);
	const char *(*gets)(EditLine *, int *);
	int (*source)(EditLine *, const char *);
	void (*resize)(EditLine *);
	void (*push)(EditLine *, const char *);
	int (*wgetc)(EditLine *, wchar_t *);
	const LineInfoW *(*wline)(EditLine *);
	int (*winsertstr)(EditLine *, const wchar_t *);
	void (*deletestr)(EditLine *, int);
	int (*cursor)(EditLine *, int);
	History *(*history_init)(void);
	int (*history)(History *, HistEvent *, int, ...);
	void (*history_end)(History *);
};

extern struct libedit libedit;

/** False where libedit is not installed. */
bool libedit_load(void);

#endif
