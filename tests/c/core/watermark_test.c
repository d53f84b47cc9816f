/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watermark.h"

#include <fcntl.h>
#include <unistd.h>

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

#define ID "0123456789abcdef0123456789abcdef"

static mlm_status get_seven(
	struct store *store, const char *id, uint64_t *position_out, mlm_error *why)
{
	(void)store;
	(void)id;
	(void)why;
	*position_out = 7;
	return MLM_OK;
}

static const struct store_ops keeps_none;
static const struct store_ops keeps_its_own = { .get_watermark = get_seven };

TEST(watermark__of_a_store_that_keeps_none_is_a_file)
{
	char path[] = "/tmp/mlm-watermark-XXXXXX";
	char name[WATERMARK_NAME_SIZE];
	struct store store = { .ops = &keeps_none };
	uint64_t position = 1;
	int fd = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
	CHECK(fd >= 0);
	MUST(watermark_read(&store, fd, ID, &position, &err));
	CHECK_INT(position, 0);
	watermark_write(&store, fd, ID, 4096);
	watermark_write(&store, fd, ID, 1ull << 40);
	MUST(watermark_read(&store, fd, ID, &position, &err));
	CHECK_INT(position, 1ll << 40);
	/* One that was torn says nothing. */
	watermark_name(ID, name);
	int file = openat(fd, name, O_WRONLY);
	CHECK(pwrite(file, "x", 1, 3) == 1);
	close(file);
	MUST(watermark_read(&store, fd, ID, &position, &err));
	CHECK_INT(position, 0);
	MUST(watermark_forget(&store, fd, ID, &err));
	CHECK(faccessat(fd, name, F_OK, 0) != 0);
	close(fd);
	CHECK(rmdir(path) == 0);
}

TEST(watermark__of_a_store_that_keeps_it_is_the_stores)
{
	struct store store = { .ops = &keeps_its_own };
	uint64_t position = 0;
	watermark_write(&store, -1, ID, 4096);
	MUST(watermark_read(&store, -1, ID, &position, &err));
	CHECK_INT(position, 7);
}

int main(void)
{
	RUN(watermark__of_a_store_that_keeps_none_is_a_file);
	RUN(watermark__of_a_store_that_keeps_it_is_the_stores);
	return check_done();
}
