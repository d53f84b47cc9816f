/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ADOPTION_H
#define CORE_ADOPTION_H

/* Journals whose owner died: their records go into the store, their open runs become KILLED, their
 * files go. An owner holds a lock on its head file while it lives, so the dead are told from the
 * living by asking for that lock. */

#include "mlmanager/manager.h"
#include "store/store.h"

struct adoption_report {
	size_t journals; /* adopted */
	size_t damaged_segments; /* kept beside as "<segment>.damaged" */
};

/**
 * Adopts all orphaned journals of the directory into the store; one that another process is
 * adopting is left to it. A journal that cannot be read at all is reported and stays.
 *
 * Errors: those of the store. What was not adopted stays for the next opener.
 */
mlm_status adoption_run(const char *directory, struct store *store, mlm_log_fn log,
	void *log_payload, struct adoption_report *report_out, mlm_error *err);

/** Reports each journal that an adoption would take, and leaves it. */
mlm_status adoption_report_orphans(
	const char *directory, mlm_doctor_fn report, void *payload, mlm_error *err);

/** Reports each segment that an adoption has set aside as damaged. */
mlm_status adoption_report_damaged(
	const char *directory, mlm_doctor_fn report, void *payload, mlm_error *err);

#endif
