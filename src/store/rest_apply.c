/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/rest_store.h"
#include "store/run_status.h"

/* What the server refused of one series. */
struct refusal {
	uint32_t series;
	size_t point_count;
	mlm_error why; /* of the first point */
};

struct apply {
	struct rest_store *store;
	const struct store_batch *batch;
	struct refusal *refusals; /* ascending by series */
	size_t refusal_count;
	size_t refusal_capacity;
};

static const char *run_of(const struct apply *apply, size_t point)
{
	return apply->batch->series[apply->batch->points[point].series].run_id;
}

/* ---- what is refused ---- */

static mlm_status refuse_one(
	struct apply *apply, size_t point, const mlm_error *why, mlm_error *err)
{
	uint32_t series = apply->batch->points[point].series;
	struct refusal *last =
		apply->refusal_count ? &apply->refusals[apply->refusal_count - 1] : NULL;
	if (last && last->series == series) {
		last->point_count++;
		return MLM_OK;
	}
	if (apply->refusal_count == apply->refusal_capacity) {
		size_t capacity = apply->refusal_capacity * 2 + 4;
		struct refusal *grown = memory_resize(
			apply->store->base.allocator, apply->refusals, capacity, sizeof(*grown));
		if (!grown)
			return rest_no_memory(err);
		apply->refusals = grown;
		apply->refusal_capacity = capacity;
	}
	struct refusal *refusal = &apply->refusals[apply->refusal_count++];
	*refusal = (struct refusal){ .series = series, .point_count = 1 };
	error_set(&refusal->why, why->status, "metric", "points of metric '%s' were left out: %s",
		apply->batch->series[series].key, why->message);
	return MLM_OK;
}

static mlm_status refuse(
	struct apply *apply, size_t begin, size_t end, const mlm_error *why, mlm_error *err)
{
	mlm_status status = MLM_OK;
	for (size_t i = begin; i < end && status == MLM_OK; i++)
		status = refuse_one(apply, i, why, err);
	return status;
}

/* ---- sending ---- */

static json_t *metrics_of(const struct apply *apply, size_t begin, size_t end)
{
	json_t *metrics = json_array();
	for (size_t i = begin; i < end && metrics; i++) {
		const struct store_point *point = &apply->batch->points[i];
		json_t *metric = json_pack("{s:s, s:o, s:I, s:I}", "key",
			apply->batch->series[point->series].key, "value", rest_real(point->value),
			"timestamp", (json_int_t)point->timestamp_ms, "step",
			(json_int_t)point->step);
		if (json_array_append_new(metrics, metric) == 0)
			continue;
		json_decref(metrics);
		metrics = NULL;
	}
	return metrics;
}

/* Points [begin, end) of one run, at most REST_METRICS_MAX. The server refuses a request as a whole
 * for one point in it, so a refused one is halved until that point is alone. */
static mlm_status send(struct apply *apply, size_t begin, size_t end, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	const char *run_id = run_of(apply, begin);
	mlm_status status = rest_post(apply->store, "runs/log-batch",
		json_pack("{s:s, s:o}", "run_id", run_id, "metrics", metrics_of(apply, begin, end)),
		NULL, &why);
	status = rest_explain_run(apply->store, run_id, status, &why);
	if (status == MLM_ENOTFOUND || status == MLM_ESTATE ||
		(status == MLM_EINVAL && end - begin == 1))
		return refuse(apply, begin, end, &why, err);
	if (status == MLM_EINVAL) {
		size_t middle = begin + (end - begin) / 2;
		status = send(apply, begin, middle, err);
		return status == MLM_OK ? send(apply, middle, end, err) : status;
	}
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

static mlm_status send_all(struct apply *apply, mlm_error *err)
{
	size_t count = apply->batch->point_count;
	mlm_status status = MLM_OK;
	for (size_t begin = 0, end = 0; begin < count && status == MLM_OK; begin = end) {
		const char *run_id = run_of(apply, begin);
		while (end < count && end - begin < REST_METRICS_MAX &&
			strcmp(run_of(apply, end), run_id) == 0)
			end++;
		status = send(apply, begin, end, err);
	}
	return status;
}

/* ---- runs of dead owners ---- */

static mlm_status kill_run(
	struct rest_store *store, const struct store_killed_run *killed, mlm_error *err)
{
	char id[MLM_ID_SIZE];
	json_t *answer;
	mlm_status status = rest_fetch_run(store, killed->run_id, &answer, err);
	if (status == MLM_ENOTFOUND) {
		/* The owner may have died before it was told the server's id. */
		status = rest_find_by_tag(store, NULL, killed->run_id, id, err);
		if (status != MLM_OK || !id[0])
			return status;
		status = rest_fetch_run(store, id, &answer, err);
	}
	if (status != MLM_OK)
		return status == MLM_ENOTFOUND ? MLM_OK : status;
	const json_t *info = json_object_get(json_object_get(answer, "run"), "info");
	const char *run_status = json_string_value(json_object_get(info, "status"));
	const char *run_id = json_string_value(json_object_get(info, "run_id"));
	if (run_id && run_status_parse(run_status) == MLM_RUN_RUNNING &&
		rest_read_lifecycle(info) == MLM_ACTIVE) {
		const struct store_run_change change = { MLM_RUN_KILLED, killed->end_time_ms,
			NULL };
		status = rest_update_run(&store->base, run_id, &change, err);
	}
	json_decref(answer);
	return status;
}

mlm_status rest_apply(struct store *base, const struct store_batch *batch, store_refused_fn refused,
	void *payload, mlm_error *err)
{
	struct apply apply = { .store = rest_store_of(base), .batch = batch };
	mlm_status status = send_all(&apply, err);
	for (size_t i = 0; i < batch->killed_run_count && status == MLM_OK; i++)
		status = kill_run(apply.store, &batch->killed_runs[i], err);
	for (size_t i = 0; i < apply.refusal_count && status == MLM_OK && refused; i++) {
		const struct refusal *refusal = &apply.refusals[i];
		refused(payload, &batch->series[refusal->series], refusal->point_count,
			&refusal->why);
	}
	memory_free(base->allocator, apply.refusals);
	return status;
}
