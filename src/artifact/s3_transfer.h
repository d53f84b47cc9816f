/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_S3_TRANSFER_H
#define ARTIFACT_S3_TRANSFER_H

/* Bytes to and from S3. An object carries a SHA-256 that S3 checked when it came: of all bytes, or
 * of the checksums of its parts, which are all of one size but the last. */

#include "mlmanager/artifact.h"
#include "transport/s3_peer.h"

/* What is larger is uploaded in parts of this size, and twice that downloaded so, several at a
 * time. */
#define S3_PART_BYTES (8u << 20)
/* Parts of what comes from a pipe, whose size shows only at its end. */
#define S3_PART_BYTES_OF_PIPE (16u << 20)
#define S3_PARTS_MAX          10000u
/* Parts in memory at a time, together; at least one. */
#define S3_PARTS_BYTES_MAX (64u << 20)

/* Says how large the parts are, to whoever wants to check them. */
#define S3_PART_BYTES_HEADER "x-amz-meta-mlmanager-part-bytes"

/**
 * Makes an object of all that the reader gives: seen whole or not at all. Parts of an upload that
 * failed are removed; those of a program that was killed stay unseen until the bucket's rule for
 * incomplete uploads removes them.
 *
 * Errors: those of the reader and s3_peer_send(); EFULL (more than S3_PARTS_MAX parts); ECORRUPT
 * (S3 has other bytes than were sent).
 */
mlm_status s3_upload(struct s3_peer *peer, const mlm_allocator *allocator, const char *key,
	const mlm_artifact_reader *from, mlm_error *err);

/**
 * Gives the writer all bytes of one state of an object, going on where a connection was cut. A
 * large one is fetched in parts, several at a time, which takes S3_PARTS_BYTES_MAX of memory.
 *
 * Errors: those of the writer and s3_peer_send(); EAGAIN (it was replaced meanwhile); ECORRUPT (the
 * bytes, which went out, have another checksum).
 */
mlm_status s3_download(struct s3_peer *peer, const mlm_allocator *allocator, const char *key,
	const mlm_artifact_writer *into, mlm_error *err);

#endif
