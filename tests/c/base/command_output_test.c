/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command_output.h"

#include <signal.h>

#include "base/memory.h"
#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static const char *output_of(const char *line, size_t size_max, uint32_t timeout_ms)
{
	static char text[200];
	char *output;
	mlm_status status = command_output(NULL, line, size_max, timeout_ms, &output, &err);
	snprintf(text, sizeof(text), "%s", status == MLM_OK ? output : mlm_status_name(status));
	memory_free(NULL, output);
	return text;
}

TEST(command_output__splits_words_as_a_shell_does)
{
	CHECK_STRING(output_of("printf %s! a  b\tc", 99, 10000), "a!b!c!");
	CHECK_STRING(output_of("printf '%s!' 'a b' \"c \\\"d\\\" 'e'\" f\\ g ''", 99, 10000),
		"a b!c \"d\" 'e'!f g!!");
	CHECK_STRING(
		output_of("printf '%s!' $HOME ~ * \"a\\b\" '\\'", 99, 10000), "$HOME!~!*!a\\b!\\!");
	CHECK_STRING(output_of(" 'pri'ntf \"x\" ", 99, 10000), "x");
	CHECK_STRING(output_of("true", 99, 10000), "");
	CHECK_STRING(output_of("cat", 99, 10000), ""); /* nothing to read */
}

TEST(command_output__einval_enotfound_epeer_etimeout)
{
	CHECK_STRING(output_of("", 99, 10000), "invalid");
	CHECK_STRING(output_of("echo 'x", 99, 10000), "invalid");
	CHECK_CONTAINS(err.message, "not closed");
	CHECK_STRING(output_of("/no/such/program secret", 99, 10000), "not_found");
	CHECK(!strstr(err.message, "secret"));
	CHECK_STRING(output_of("sh -c 'exit 7'", 99, 10000), "peer");
	CHECK_CONTAINS(err.message, "status 7");
	CHECK_STRING(output_of("sh -c 'kill -9 $$'", 99, 10000), "peer");
	CHECK_CONTAINS(err.message, "signal 9");
	CHECK_STRING(output_of("printf 12345", 5, 10000), "12345");
	CHECK_STRING(output_of("printf 123456", 5, 10000), "peer");
	CHECK_CONTAINS(err.message, "more than 5 bytes");
	CHECK_STRING(output_of("sleep 60", 99, 50), "timeout");
	CHECK_STRING(output_of("sh -c 'exec >&-; exec sleep 60'", 99, 300), "timeout");
}

TEST(command_output__is_read_where_children_are_ignored)
{
	signal(SIGCHLD, SIG_IGN);
	CHECK_STRING(output_of("printf x", 99, 10000), "x");
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	RUN(command_output__splits_words_as_a_shell_does);
	RUN(command_output__einval_enotfound_epeer_etimeout);
	RUN(command_output__is_read_where_children_are_ignored);
	return check_done();
}
