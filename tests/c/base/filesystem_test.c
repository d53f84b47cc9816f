/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filesystem.h"

#include "check.h"

TEST(filesystem_magic_is_network__knows_network_file_systems)
{
	static const uint64_t network[] = { 0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x01021997,
		0x65735546, 0x00C36400, 0x0BD00BD0, 0x47504653 };
	for (size_t i = 0; i < sizeof(network) / sizeof(network[0]); i++)
		CHECK(filesystem_magic_is_network(network[i]));
}

TEST(filesystem_magic_is_network__takes_local_ones_as_local)
{
	/* ext4, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs, vfat */
	static const uint64_t local[] = { 0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630,
		0x2FC12FC1, 0xF2F52010, 0x4D44 };
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		CHECK(!filesystem_magic_is_network(local[i]));
}

TEST(filesystem_magic_is_network__ignores_the_sign_of_a_32_bit_number)
{
	CHECK(filesystem_magic_is_network((uint64_t)(int64_t)(int32_t)0xFF534D42));
}

TEST(filesystem_is_network__asks_the_directory_of_a_file_to_be)
{
	/* /proc is on every Linux and is no network file system. */
	CHECK(!filesystem_is_network("/proc/not-there"));
	CHECK(!filesystem_is_network("/proc/self/status"));
	CHECK(!filesystem_is_network("not-there"));
	CHECK(!filesystem_is_network("/no/such/directory/file"));
}

TEST(filesystem_free_bytes__is_unlimited_where_nothing_is_said)
{
	CHECK(filesystem_free_bytes("/proc") == INT64_MAX);
	CHECK(filesystem_free_bytes("/no/such/directory/file") == INT64_MAX);
	int64_t here = filesystem_free_bytes(".");
	CHECK(here > 0 && here < INT64_MAX);
}

int main(void)
{
	RUN(filesystem_magic_is_network__knows_network_file_systems);
	RUN(filesystem_magic_is_network__takes_local_ones_as_local);
	RUN(filesystem_magic_is_network__ignores_the_sign_of_a_32_bit_number);
	RUN(filesystem_is_network__asks_the_directory_of_a_file_to_be);
	RUN(filesystem_free_bytes__is_unlimited_where_nothing_is_said);
	return check_done();
}
