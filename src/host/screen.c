/* SPDX-License-Identifier: Apache-2.0 */
#include "host/screen.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <lauxlib.h>

#define SCREEN     "mlmanager.screen"
#define KEYS_MAX   256 /* bytes typed at once */
#define WAIT_S_MAX 3600.0

/* The alternate screen, emptied, without cursor and without lines that wrap; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

/* Signal handlers have no argument of ours. */
static struct {
	bool is_open;
	struct termios before;
	struct termios raw;
} terminal;

static volatile sig_atomic_t is_changed; /* another size, or back from being stopped */

struct screen {
	bool is_open;
	int kept_stderr; /* where standard error went, or -1 */
	struct sigaction on_resize;
	struct sigaction on_stop;
};

static void write_all(const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		ssize_t written = write(STDOUT_FILENO, text, size);

		if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			text += written;
			size -= (size_t)written;
		}
	}
}

static void take_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.raw);
	write_all(ENTER);
}

static void give_terminal_back(void)
{
	write_all(LEAVE);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
}

static void on_resize(int number)
{
	(void)number;
	is_changed = 1;
}

static void on_stop(int number);

static void handle(int number, void (*handler)(int), struct sigaction *before)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, before);
}

/* Only calls that a handler may make: the shell gets its terminal as it was, and we get it back. */
static void on_stop(int number)
{
	int before = errno;
	sigset_t stop;

	give_terminal_back();
	handle(number, SIG_DFL, NULL);
	sigemptyset(&stop);
	sigaddset(&stop, number);
	raise(number);
	/* It is pending until here, and this is where the program stands while it is stopped. */
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	handle(number, on_stop, NULL);
	take_terminal();
	is_changed = 1;
	errno = before;
}

/* Warnings of the library would be written across the screen. */
static int keep_stderr(void)
{
	int kept, file;

	if (!isatty(STDERR_FILENO))
		return -1;
	file = memfd_create("mlmanager-stderr", MFD_CLOEXEC);
	if (file < 0)
		return -1;
	fflush(stderr);
	kept = dup(STDERR_FILENO);
	if (kept >= 0)
		dup2(file, STDERR_FILENO);
	close(file);
	return kept;
}

static void show_stderr(int kept)
{
	char bytes[4096];
	ssize_t got;
	int file;

	if (kept < 0)
		return;
	fflush(stderr);
	file = dup(STDERR_FILENO);
	dup2(kept, STDERR_FILENO);
	close(kept);
	if (file < 0 || lseek(file, 0, SEEK_SET) != 0)
		return;
	while ((got = read(file, bytes, sizeof(bytes))) > 0) {
		if (write(STDERR_FILENO, bytes, (size_t)got) != got)
			break;
	}
	close(file);
}

static int screen_close(lua_State *L)
{
	struct screen *screen = luaL_checkudata(L, 1, SCREEN);

	if (!screen->is_open)
		return 0;
	screen->is_open = false;
	fflush(stdout);
	sigaction(SIGTSTP, &screen->on_stop, NULL);
	sigaction(SIGWINCH, &screen->on_resize, NULL);
	give_terminal_back();
	terminal.is_open = false;
	show_stderr(screen->kept_stderr);
	return 0;
}

static int refuse(lua_State *L, const char *sentence)
{
	lua_pushnil(L);
	lua_pushstring(L, sentence);
	return 2;
}

static int screen_open(lua_State *L)
{
	const char *type = getenv("TERM");
	struct screen *screen;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return refuse(L, "it needs a terminal for its input and output");
	if (!type || !type[0] || strcmp(type, "dumb") == 0)
		return refuse(
			L, "it needs a terminal that can move its cursor; TERM says it cannot");
	if (terminal.is_open)
		return refuse(L, "the screen is taken already");
	if (tcgetattr(STDIN_FILENO, &terminal.before) != 0)
		return refuse(L, strerror(errno));

	screen = lua_newuserdatauv(L, sizeof(*screen), 0);
	*screen = (struct screen){ .kept_stderr = -1 };
	luaL_setmetatable(L, SCREEN);
	terminal.raw = terminal.before;
	/* Ctrl-C and Ctrl-Z stay signals; keys come one by one, unechoed. */
	terminal.raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
	terminal.raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR);
	terminal.raw.c_cc[VMIN] = 1;
	terminal.raw.c_cc[VTIME] = 0;
	terminal.raw.c_cc[VQUIT] = _POSIX_VDISABLE;
	fflush(stdout);
	screen->kept_stderr = keep_stderr();
	screen->is_open = terminal.is_open = true;
	is_changed = 0;
	handle(SIGWINCH, on_resize, &screen->on_resize);
	handle(SIGTSTP, on_stop, &screen->on_stop);
	take_terminal();
	return 1;
}

static int screen_wait(lua_State *L)
{
	struct screen *screen = luaL_checkudata(L, 1, SCREEN);
	double seconds = fmin(fmax(luaL_checknumber(L, 2), 0), WAIT_S_MAX);
	struct pollfd typed = { .fd = STDIN_FILENO, .events = POLLIN };
	char keys[KEYS_MAX];

	luaL_argcheck(L, screen->is_open, 1, "the screen is closed");
	fflush(stdout);
	if (is_changed || poll(&typed, 1, (int)(seconds * 1000)) <= 0) {
		lua_pushliteral(L, "");
		lua_pushboolean(L, is_changed);
		is_changed = 0;
		return 2;
	}
	ssize_t got = read(STDIN_FILENO, keys, sizeof(keys));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		got = 0;
	else if (got <= 0)
		return 0;
	lua_pushlstring(L, keys, (size_t)got);
	return 1;
}

static bool add_state(char *text, size_t size, const char *path)
{
	struct stat file;

	if (stat(path, &file) != 0)
		return false;
	snprintf(text, size, "%llx:%llx:%lld:%lld.%09ld", (unsigned long long)file.st_dev,
		(unsigned long long)file.st_ino, (long long)file.st_size,
		(long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
	return true;
}

static int file_state(lua_State *L)
{
	char database[128], log[128];
	const char *path = luaL_checkstring(L, 1);

	if (!add_state(database, sizeof(database), path))
		return 0;
	lua_pushfstring(L, "%s-wal", path);
	if (!add_state(log, sizeof(log), lua_tostring(L, -1)))
		log[0] = '\0';
	lua_pushfstring(L, "%s %s", database, log);
	return 1;
}

void screen_push(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "wait", screen_wait },
		{ "close", screen_close },
		{ "__close", screen_close },
		{ "__gc", screen_close },
		{ NULL, NULL },
	};
	static const luaL_Reg functions[] = {
		{ "open", screen_open },
		{ "state", file_state },
		{ NULL, NULL },
	};

	if (luaL_newmetatable(L, SCREEN)) {
		luaL_setfuncs(L, methods, 0);
		lua_pushvalue(L, -1);
		lua_setfield(L, -2, "__index");
	}
	lua_pop(L, 1);
	luaL_newlib(L, functions);
}
