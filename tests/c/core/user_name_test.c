/* SPDX-License-Identifier: Apache-2.0 */
#include "core/user_name.h"

#include <pwd.h>
#include <unistd.h>

#include "check.h"

static void forget_names(void)
{
	unsetenv("MLFLOW_TRACKING_USERNAME");
	unsetenv("LOGNAME");
	unsetenv("USER");
	unsetenv("LNAME");
	unsetenv("USERNAME");
}

TEST(user_name_read__variables_in_order)
{
	char name[USER_NAME_SIZE];
	forget_names();
	setenv("USERNAME", "last", 1);
	user_name_read(name);
	CHECK_STRING(name, "last");
	setenv("USER", "third", 1);
	setenv("LOGNAME", "", 1); /* an empty one does not count */
	user_name_read(name);
	CHECK_STRING(name, "third");
	setenv("LOGNAME", "second", 1);
	user_name_read(name);
	CHECK_STRING(name, "second");
	setenv("MLFLOW_TRACKING_USERNAME", "first", 1);
	user_name_read(name);
	CHECK_STRING(name, "first");
}

TEST(user_name_read__database_without_variables)
{
	char name[USER_NAME_SIZE];
	forget_names();
	user_name_read(name);
	const struct passwd *entry = getpwuid(getuid());
	CHECK_STRING(name, entry ? entry->pw_name : "unknown");
}

TEST(user_name_read__cuts_a_long_variable)
{
	char name[USER_NAME_SIZE], longer[600];
	forget_names();
	memset(longer, 'u', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	setenv("USER", longer, 1);
	user_name_read(name);
	CHECK_INT(strlen(name), USER_NAME_SIZE - 1);
}

TEST(user_name_parse__lines)
{
	char name[USER_NAME_SIZE];
	CHECK(user_name_parse("ann:x:1000:100:Ann:/home:/bin/sh\n", 1000, name));
	CHECK_STRING(name, "ann");
	CHECK(!user_name_parse("ann:x:1000:100:Ann:/home:/bin/sh\n", 100, name));
	CHECK(!user_name_parse("ann:x:1000", 1000, name));
	CHECK(!user_name_parse("ann:x::100:", 0, name));
	CHECK(!user_name_parse("ann:x: 7:100:", 7, name));
	CHECK(!user_name_parse(":x:7:7:", 7, name));
	CHECK(!user_name_parse("+::::::", 0, name));
	CHECK(!user_name_parse("", 0, name));
}

int main(void)
{
	RUN(user_name_read__variables_in_order);
	RUN(user_name_read__database_without_variables);
	RUN(user_name_read__cuts_a_long_variable);
	RUN(user_name_parse__lines);
	return check_done();
}
