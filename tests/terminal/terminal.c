/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program on a terminal of its own and plays a person at it:
 *
 *     terminal PROGRAM [ARGUMENTS...] < steps
 *
 * A step is a line: "send TEXT" types it, "expect TEXT" waits until the program has written it
 * after what the last expect matched, "end" waits for the program's end. TEXT may have \r, \t, \e,
 * \\ and \xNN. "resize COLUMNS [ROWS]" gives the terminal another size, "hang up" takes it away,
 * "signal NUMBER" sends the program one, and "run COMMAND" has the shell do something meanwhile.
 * Writes what the program wrote, and ends with its exit status, 128 + the signal that killed it, or
 * 99 when a step did not come true within ten seconds. TERMINAL_TYPE is the program's TERM, else
 * xterm; TERMINAL_COLUMNS the width, else 80. At the program's SILENT_PEER, an address
 * "http://127.0.0.1:PORT", is a server that lets everyone in and never says a word.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_TIMEOUT_MS  30000
#define STEP_BYTES_MAX   4096
#define OUTPUT_BYTES_MAX (1 << 20)
#define STEP_FAILED      99

static char output[OUTPUT_BYTES_MAX];
static size_t output_size;
static size_t matched; /* bytes of output that expects have used up */

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for more output. False at the program's end, or when the time is over. */
static bool read_more(int terminal, long long deadline_ms)
{
	struct pollfd wanted = { .fd = terminal, .events = POLLIN };
	long long left_ms = deadline_ms - now_ms();

	if (left_ms <= 0 || poll(&wanted, 1, (int)left_ms) <= 0)
		return false;
	ssize_t got = read(terminal, output + output_size, OUTPUT_BYTES_MAX - output_size);
	if (got <= 0)
		return false;
	fwrite(output + output_size, 1, (size_t)got, stdout);
	output_size += (size_t)got;
	return true;
}

static bool expect(int terminal, const char *text, size_t size)
{
	long long deadline_ms = now_ms() + STEP_TIMEOUT_MS;

	for (;;) {
		char *place = memmem(output + matched, output_size - matched, text, size);

		if (place) {
			matched = (size_t)(place - output) + size;
			return true;
		}
		if (!read_more(terminal, deadline_ms))
			return false;
	}
}

/* Undoes the escapes in place and returns the size. */
static size_t unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (*in != '\\') {
			*out++ = *in;
			continue;
		}
		in++;
		if (*in == 'x') {
			char digits[3] = { in[1], in[2], '\0' };

			*out++ = (char)strtol(digits, NULL, 16);
			in += 2;
		} else {
			*out++ = *in == 'r' ? '\r' : *in == 't' ? '\t' : *in == 'e' ? '\033' : *in;
		}
	}
	return (size_t)(out - text);
}

static struct winsize size_of(const char *columns_and_rows)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	if (columns_and_rows)
		sscanf(columns_and_rows, "%hu %hu", &size.ws_col, &size.ws_row);
	return size;
}

static bool take_step(int terminal, pid_t child, char *step)
{
	if (strncmp(step, "resize ", 7) == 0) {
		struct winsize size = size_of(step + 7);

		return ioctl(terminal, TIOCSWINSZ, &size) == 0;
	}
	if (strncmp(step, "signal ", 7) == 0)
		return kill(child, (int)strtol(step + 7, NULL, 10)) == 0;
	if (strncmp(step, "run ", 4) == 0)
		return system(step + 4) == 0;
	if (strncmp(step, "send ", 5) == 0) {
		size_t size = unescape(step + 5);

		return write(terminal, step + 5, size) == (ssize_t)size;
	}
	if (strncmp(step, "expect ", 7) == 0)
		return expect(terminal, step + 7, unescape(step + 7));
	if (strcmp(step, "end") == 0) {
		long long deadline_ms = now_ms() + STEP_TIMEOUT_MS;

		while (read_more(terminal, deadline_ms))
			continue;
		return now_ms() < deadline_ms;
	}
	return false;
}

/* The kernel lets them in. Listens until this process and the program have ended. */
static void set_silent_peer(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	char url[64];
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
		perror("silent peer");
		exit(STEP_FAILED);
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	setenv("SILENT_PEER", url, 1);
}

int main(int argc, char **argv)
{
	struct winsize size = size_of(getenv("TERMINAL_COLUMNS"));
	const char *type = getenv("TERMINAL_TYPE");
	char step[STEP_BYTES_MAX];
	int terminal, state;
	pid_t child;

	if (argc < 2)
		return STEP_FAILED;
	set_silent_peer();
	child = forkpty(&terminal, NULL, NULL, &size);
	if (child < 0) {
		perror("forkpty");
		return STEP_FAILED;
	}
	if (child == 0) {
		setenv("TERM", type ? type : "xterm", 1);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	while (fgets(step, sizeof(step), stdin)) {
		step[strcspn(step, "\n")] = '\0';
		if (strcmp(step, "hang up") == 0)
			break;
		if (take_step(terminal, child, step))
			continue;
		printf("\nterminal: did not come true: %s\n", step);
		kill(child, SIGKILL);
		waitpid(child, &state, 0);
		return STEP_FAILED;
	}
	close(terminal);
	waitpid(child, &state, 0);
	return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}
