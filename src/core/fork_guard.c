/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fork_guard.h"

#include <stddef.h>
#include <sys/mman.h>

#include "base/error.h"

#define GUARD_BYTES 4096u

mlm_status fork_guard_new(struct fork_guard **guard_out, mlm_error *err)
{
	*guard_out = NULL;
	void *page =
		mmap(NULL, GUARD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return error_set_errno(err, errno, "manager", "cannot map a page");
	if (madvise(page, GUARD_BYTES, MADV_WIPEONFORK) != 0) {
		mlm_status status = error_set_errno(err, errno, "manager",
			"the kernel cannot wipe a page on fork (Linux 4.14)");
		munmap(page, GUARD_BYTES);
		return status;
	}
	struct fork_guard *guard = page;
	atomic_store(&guard->alive, 1);
	*guard_out = guard;
	return MLM_OK;
}

void fork_guard_free(struct fork_guard *guard)
{
	if (guard)
		munmap(guard, GUARD_BYTES);
}
