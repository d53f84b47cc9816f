/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_PROXY_DOWNLOAD_H
#define ARTIFACT_PROXY_DOWNLOAD_H

#include "mlmanager/artifact.h"
#include "transport/mlflow_peer.h"

/**
 * Gives the writer the bytes at url, as mlflow_peer_send() has it. When the connection is cut, the
 * answer is asked for again and what the writer has already is passed over, if it is the same.
 *
 * Errors: those of mlflow_peer_send() and of the writer; EAGAIN: the artifact has changed
 * meanwhile, and the writer has a part of the old one.
 */
mlm_status proxy_download(struct mlflow_peer *peer, const char *url, const char *path,
	const mlm_artifact_writer *into, mlm_error *err);

#endif
