/* SPDX-License-Identifier: Apache-2.0 */
#include "host/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "binding/binding.h"

/* A signal handler has no argument of ours, so this is the program's one global. */
static lua_State *volatile running;
static volatile sig_atomic_t received;

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

/* Which signals arrived ignored, as under nohup. */
static bool is_ignored[SIGNAL_COUNT];
static bool is_ignored_known;

static void raise_interrupted(lua_State *L, lua_Debug *activation)
{
	(void)activation;
	lua_sethook(L, NULL, 0, 0);
	binding_interrupt(L);
}

static void use(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	/* Without SA_RESTART, so that a script that waits in io.read goes on to the hook. */
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		if (!is_ignored[i])
			sigaction(signals[i], &action, NULL);
	}
}

static void on_signal(int number)
{
	lua_State *L = running;

	received = number;
	use(SIG_DFL);
	if (L)
		lua_sethook(L, raise_interrupted,
			LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void interrupt_arm(lua_State *L)
{
	if (!is_ignored_known) {
		for (size_t i = 0; i < SIGNAL_COUNT; i++) {
			struct sigaction before;

			sigaction(signals[i], NULL, &before);
			is_ignored[i] = before.sa_handler == SIG_IGN;
		}
		is_ignored_known = true;
	}
	received = 0;
	running = L;
	use(on_signal);
}

void interrupt_disarm(void)
{
	lua_State *L = running;

	use(SIG_DFL);
	running = NULL;
	/* A signal that came too late for the script must not strike what follows it. */
	if (L)
		lua_sethook(L, NULL, 0, 0);
}

int interrupt_signal(void)
{
	return received;
}

lua_State *interrupt_enter(lua_State *L)
{
	lua_State *before = running;

	if (before)
		running = L;
	return before;
}
