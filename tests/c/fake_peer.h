/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_PEER_H
#define TESTS_FAKE_PEER_H

/*
 * An HTTP server on 127.0.0.1 that plays a script: each request it gets is kept, and answered by
 * the next turn, bytes and faults as they stand there. A request after the last turn gets the last
 * one again.
 *
 *     static const struct fake_turn turns[] = { { .status = "429 Slow", .cuts = true }, … };
 *     struct fake_peer peer;
 *     fake_peer_start(&peer, turns, 2);
 *     … peer.url …  CHECK_CONTAINS(fake_peer_request(&peer, 0), "Authorization: Basic");
 *     fake_peer_stop(&peer);
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define FAKE_CONNECTIONS_MAX 16
#define FAKE_REQUESTS_MAX    256
#define FAKE_REQUEST_BYTES   (4u << 20)

struct fake_turn {
	const char *status; /* NULL: "200 OK" */
	const char *headers; /* lines ending in "\r\n", or NULL */
	const char *body; /* NULL: none */
	size_t repeats; /* the body so often; 0: once */
	const char *raw; /* sent as it is, in the place of all that */
	bool cuts; /* closes the connection after it */
	bool cuts_early; /* closes it without an answer, having read the request */
	bool cuts_unread; /* closes it having read the headers only */
	bool stalls; /* says nothing more, and keeps the connection */
	bool promises; /* announces a byte more than comes, then does what cuts or stalls says */
};

struct fake_peer {
	char url[64];
	int port;
	int listener;
	int stop[2];
	pthread_t thread;
	const struct fake_turn *turns;
	size_t turn_count;
	pthread_mutex_t mutex;
	char *requests[FAKE_REQUESTS_MAX]; /* headers and body */
	size_t request_count;
	size_t connection_count;
	struct pollfd polled[FAKE_CONNECTIONS_MAX + 2];
};

static inline bool fake_send(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		size -= (size_t)sent;
	}
	return true;
}

/* Whether text has a whole request; its headers alone where the body is not waited for. */
static inline bool fake_is_whole(const char *text, size_t size, bool headers_only)
{
	const char *end = strstr(text, "\r\n\r\n");
	if (!end || headers_only)
		return end != NULL;
	const char *length = strcasestr(text, "\r\nContent-Length:");
	if (length && length < end)
		return size - (size_t)(end + 4 - text) >= strtoull(length + 17, NULL, 10);
	const char *chunked = strcasestr(text, "\r\nTransfer-Encoding: chunked");
	if (chunked && chunked <= end)
		return size >= 5 && memcmp(text + size - 5, "0\r\n\r\n", 5) == 0;
	return true;
}

static inline char *fake_receive(int fd, bool headers_only)
{
	char *text = calloc(1, FAKE_REQUEST_BYTES);
	size_t size = 0;
	while (size + 1 < FAKE_REQUEST_BYTES) {
		ssize_t got = recv(fd, text + size, FAKE_REQUEST_BYTES - 1 - size, 0);
		if (got <= 0)
			break;
		size += (size_t)got;
		if (fake_is_whole(text, size, headers_only))
			return text;
	}
	free(text);
	return NULL;
}

static inline bool fake_answer(int fd, const struct fake_turn *turn)
{
	if (turn->raw)
		return fake_send(fd, turn->raw, strlen(turn->raw));
	const char *body = turn->body ? turn->body : "";
	size_t repeats = turn->repeats ? turn->repeats : 1;
	char head[2048];
	int size = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
		turn->status ? turn->status : "200 OK", turn->headers ? turn->headers : "",
		strlen(body) * repeats + (turn->promises ? 1 : 0));
	bool ok = fake_send(fd, head, (size_t)size);
	for (size_t i = 0; ok && i < repeats; i++)
		ok = fake_send(fd, body, strlen(body));
	return ok;
}

/* Answers one request. False when the connection is to be closed. */
static inline bool fake_serve(struct fake_peer *peer, int fd)
{
	pthread_mutex_lock(&peer->mutex);
	size_t number =
		peer->request_count < peer->turn_count ? peer->request_count : peer->turn_count - 1;
	pthread_mutex_unlock(&peer->mutex);
	const struct fake_turn *turn = &peer->turns[number];
	char *request = fake_receive(fd, turn->cuts_unread);
	if (!request)
		return false;
	pthread_mutex_lock(&peer->mutex);
	if (peer->request_count < FAKE_REQUESTS_MAX)
		peer->requests[peer->request_count++] = request;
	else
		free(request);
	pthread_mutex_unlock(&peer->mutex);
	if (turn->cuts_early || turn->cuts_unread)
		return false;
	if (turn->stalls && !turn->promises)
		return true;
	return fake_answer(fd, turn) && !turn->cuts;
}

static inline void *fake_run(void *argument)
{
	struct fake_peer *peer = argument;
	struct pollfd *polled = peer->polled;
	for (;;) {
		if (poll(polled, FAKE_CONNECTIONS_MAX + 2, -1) < 0 || polled[1].revents)
			break;
		for (int i = 2; i < FAKE_CONNECTIONS_MAX + 2; i++) {
			if (polled[i].fd >= 0 && polled[i].revents &&
				!fake_serve(peer, polled[i].fd)) {
				close(polled[i].fd);
				polled[i].fd = -1;
			}
		}
		if (!polled[0].revents)
			continue;
		int fd = accept(peer->listener, NULL, NULL);
		pthread_mutex_lock(&peer->mutex);
		peer->connection_count++;
		pthread_mutex_unlock(&peer->mutex);
		int free_slot = 2;
		while (free_slot < FAKE_CONNECTIONS_MAX + 1 && polled[free_slot].fd >= 0)
			free_slot++;
		polled[free_slot] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (int i = 2; i < FAKE_CONNECTIONS_MAX + 2; i++)
		if (polled[i].fd >= 0)
			close(polled[i].fd);
	return NULL;
}

/* At the port that an earlier peer had; 0: any. */
static inline void fake_peer_start_at(
	struct fake_peer *peer, int port, const struct fake_turn *turns, size_t turn_count)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int yes = 1;
	socklen_t size = sizeof(address);
	memset(peer, 0, sizeof(*peer));
	peer->turns = turns;
	peer->turn_count = turn_count;
	pthread_mutex_init(&peer->mutex, NULL);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (peer->listener < 0 || bind(peer->listener, (struct sockaddr *)&address, size) != 0 ||
		listen(peer->listener, 16) != 0 ||
		getsockname(peer->listener, (struct sockaddr *)&address, &size) != 0 ||
		pipe(peer->stop) != 0) {
		perror("fake peer");
		exit(1);
	}
	peer->port = ntohs(address.sin_port);
	snprintf(peer->url, sizeof(peer->url), "http://127.0.0.1:%d", peer->port);
	for (int i = 0; i < FAKE_CONNECTIONS_MAX + 2; i++)
		peer->polled[i].fd = -1;
	peer->polled[0] = (struct pollfd){ .fd = peer->listener, .events = POLLIN };
	peer->polled[1] = (struct pollfd){ .fd = peer->stop[0], .events = POLLIN };
	if (pthread_create(&peer->thread, NULL, fake_run, peer) != 0)
		exit(1);
}

static inline void fake_peer_start(
	struct fake_peer *peer, const struct fake_turn *turns, size_t turn_count)
{
	fake_peer_start_at(peer, 0, turns, turn_count);
}

/* Stops answering; what was asked can still be looked at. */
static inline void fake_peer_halt(struct fake_peer *peer)
{
	if (peer->listener < 0)
		return;
	CHECK(write(peer->stop[1], "", 1) == 1);
	pthread_join(peer->thread, NULL);
	close(peer->listener);
	close(peer->stop[0]);
	close(peer->stop[1]);
	peer->listener = -1;
}

static inline void fake_peer_stop(struct fake_peer *peer)
{
	fake_peer_halt(peer);
	for (size_t i = 0; i < peer->request_count; i++)
		free(peer->requests[i]);
	pthread_mutex_destroy(&peer->mutex);
}

static inline size_t fake_peer_requests(struct fake_peer *peer)
{
	pthread_mutex_lock(&peer->mutex);
	size_t count = peer->request_count;
	pthread_mutex_unlock(&peer->mutex);
	return count;
}

/* "" when there were fewer. Lives until the stop. */
static inline const char *fake_peer_request(struct fake_peer *peer, size_t number)
{
	pthread_mutex_lock(&peer->mutex);
	const char *text = number < peer->request_count ? peer->requests[number] : "";
	pthread_mutex_unlock(&peer->mutex);
	return text;
}

#endif
