/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_MLFLOW_PEER_H
#define TRANSPORT_MLFLOW_PEER_H

/*
 * An MLflow tracking server: its address, who asks, its API's errors. What it keeps is the matter
 * of those above.
 *
 * The login is the address's, else MLFLOW_TRACKING_USERNAME and _PASSWORD, each completed from
 * ~/.mlflow/credentials, else MLFLOW_TRACKING_TOKEN. MLFLOW_TRACKING_SERVER_CERT_PATH,
 * MLFLOW_TRACKING_CLIENT_CERT_PATH, MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_HTTP_REQUEST_TIMEOUT
 * (seconds) mean what they do to MLflow.
 *
 * Threads: one at a time, but for mlflow_peer_interrupt().
 */

#include <jansson.h>

#include "transport/http.h"

struct mlflow_peer;

#define MLFLOW_ERROR_CODE_SIZE 64

struct mlflow_peer_options {
	const char *address; /* may hold a user and a password */
	/* How long failed requests are tried again. */
	uint32_t retry_ms;
	const mlm_allocator *allocator; /* outlives the peer */
};

/** Does not ask the server anything. Errors: EINVAL (address, environment, certificate files),
 * EUNSUPPORTED (no libcurl), ENOMEM. Owns: *peer_out goes to mlflow_peer_close(). */
mlm_status mlflow_peer_open(
	const struct mlflow_peer_options *options, struct mlflow_peer **peer_out, mlm_error *err);
/** NULL is a no-op. */
void mlflow_peer_close(struct mlflow_peer *peer);

/** The address without user, password and slash at the end. Lives as long as the peer. */
const char *mlflow_peer_address(const struct mlflow_peer *peer);

void mlflow_peer_set_retry_ms(struct mlflow_peer *peer, uint32_t retry_ms);

/** How long one try of a request may take in all; 0, as in the beginning: as long as bytes flow. */
void mlflow_peer_set_request_ms(struct mlflow_peer *peer, uint32_t request_ms);

/** From any thread: requests under way and later ones fail with EAGAIN at once. */
void mlflow_peer_interrupt(struct mlflow_peer *peer);

/** Waits. False as soon as it is interrupted. */
bool mlflow_peer_wait(struct mlflow_peer *peer, uint32_t wait_ms);

/**
 * Sends a request with the peer's login, again and again for retry_ms where that may help. Its url
 * is what follows the address: "/api/2.0/mlflow-artifacts/artifacts/x", percent-encoded. Its login
 * is not looked at.
 *
 * Errors:  those of http_send() and mlflow_peer_fail().
 */
mlm_status mlflow_peer_send(struct mlflow_peer *peer, const struct http_request *request,
	struct http_answer *answer_out, mlm_error *err);

/* One call of the API in JSON. */
struct mlflow_call {
	const char *method; /* "GET", "POST", … */
	/* "/api/2.0/mlflow/runs/get?run_id=…", percent-encoded */
	const char *path;
	json_t *body; /* borrowed; NULL: none */
	bool is_once; /* as http_request's */
	size_t answer_bytes_max; /* as http_request's */
};

/** Calls and reads the answer, an object. Errors: as mlflow_peer_send(); EPEER for an answer that
 * is no JSON object. Owns: *object_out goes to json_decref(). */
mlm_status mlflow_peer_call(struct mlflow_peer *peer, const struct mlflow_call *call,
	json_t **object_out, mlm_error *err);

/** MLflow's name of the last call's error, "RESOURCE_DOES_NOT_EXIST"; "" when there was none. */
const char *mlflow_peer_error_code(const struct mlflow_peer *peer);

/** Whether the last call, which failed, may have been carried out all the same: the peer may have
 * seen it and no answer came. */
bool mlflow_peer_is_unsure(const struct mlflow_peer *peer);

/** How often the last call was sent: more than once, an earlier one may have been carried out. */
uint32_t mlflow_peer_tries(const struct mlflow_peer *peer);

/** How long the peer asked to be left alone when it last refused, else 0. */
uint32_t mlflow_peer_retry_after_ms(const struct mlflow_peer *peer);

#endif
