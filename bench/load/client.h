/* A WebSocket client that costs as little as possible: what it gets is compared and counted. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BLOCK_BYTES (64 * 1024)
#define MAX_FRAME 256
enum { TEXT = 0x81, PING = 0x89, PONG = 0x8a };
enum stage { CONNECTING, HEADERS, GREETING, OPEN };

struct client {
  int fd;
  uint32_t owed;          /* bytes of requests that the socket has not taken */
  uint32_t sent_in_frame; /* how much of a request it has taken, when it is not a whole number */
  uint32_t remaining;     /* bytes of the frame being read */
  uint32_t length;
  uint8_t stage, header_end, head_bytes, awaits_writable;
  uint8_t control; /* what has to be answered at the next end of a frame: PING, or '2' of Socket.IO */
  uint8_t head[4], begin[2];
  uint32_t status_bytes;
  uint64_t answers, worst;
};

/* The same for all clients. */
static struct {
  char upgrade[1024];
  uint8_t hello[MAX_FRAME], request[MAX_FRAME], answer[MAX_FRAME];
  size_t upgrade_bytes, hello_bytes, request_bytes, answer_bytes;
  uint8_t *block; /* requests, one after the other */
  int epoll;
} wire;

static void on_open(struct client *client);

__attribute__((noreturn)) static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

static void watch(struct client *client, int writable) {
  if (client->awaits_writable == writable) return;
  client->awaits_writable = writable;
  struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = client};
  epoll_ctl(wire.epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void send_whole(struct client *client, const void *bytes, size_t count) {
  if (send(client->fd, bytes, count, MSG_NOSIGNAL) != (ssize_t)count)
    fail("a short frame could not be sent: %s", strerror(errno));
}

static void answer_control(struct client *client) {
  static const uint8_t pong[] = {PONG, 0x80, 0, 0, 0, 0};
  static const uint8_t alive[] = {TEXT, 0x81, 0, 0, 0, 0, '3'};
  if (client->control == PING) send_whole(client, pong, sizeof pong);
  else send_whole(client, alive, sizeof alive);
  client->control = 0;
}

/* Sends as much of what is owed as the socket takes. */
static void push(struct client *client) {
  while (client->owed > 0) {
    size_t count = client->owed < BLOCK_BYTES ? client->owed : BLOCK_BYTES;
    ssize_t taken =
        send(client->fd, wire.block + client->sent_in_frame, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno == EAGAIN) return watch(client, 1);
    if (taken < 0) fail("a request could not be sent: %s", strerror(errno));
    client->owed -= taken;
    client->sent_in_frame = (client->sent_in_frame + taken) % wire.request_bytes;
  }
  if (client->control) answer_control(client);
  watch(client, 0);
}

static void request(struct client *client, uint32_t count) {
  client->owed += count * wire.request_bytes;
  if (!client->awaits_writable) push(client);
}

/* How many of the bytes belong to the answer of the upgrade. */
static size_t read_headers(struct client *client, const uint8_t *bytes, size_t count) {
  static const char expected[] = "HTTP/1.1 101 ", end[] = "\r\n\r\n";
  for (size_t at = 0; at < count; at++) {
    if (client->status_bytes < sizeof expected - 1 && bytes[at] != expected[client->status_bytes++])
      fail("the server refused a client: %.*s", (int)(count < 60 ? count : 60), bytes);
    client->header_end =
        bytes[at] == end[client->header_end] ? client->header_end + 1 : bytes[at] == '\r';
    if (client->header_end == 4) {
      if (wire.hello_bytes == 0) on_open(client);
      else client->stage = GREETING;
      return at + 1;
    }
  }
  return count;
}

/* Whether the frame that ended is an answer. */
static int end_frame(struct client *client) {
  int type = client->head[0];
  if (client->stage == GREETING) {
    if (client->begin[0] == '0') send_whole(client, wire.hello, wire.hello_bytes);
    else if (client->begin[0] == '4' && client->begin[1] == '0') on_open(client);
    else fail("the server did not greet a client");
    return 0;
  }
  if (type == TEXT && client->length == wire.answer_bytes - 2) return 1;
  if (type == PING) client->control = PING;
  else if (type == TEXT && client->length == 1 && client->begin[0] == '2') client->control = '2';
  else if (type != PONG) fail("the server sent a frame 0x%x of length %u", type, client->length);
  if (client->control && client->owed == 0) answer_control(client);
  return 0;
}

/* Bytes of the frame's head, up to its payload. */
static size_t read_head(struct client *client, const uint8_t *bytes, size_t count) {
  size_t at = 0, wanted = 2;
  while (at < count && client->head_bytes < wanted) {
    client->head[client->head_bytes++] = bytes[at++];
    if (client->head_bytes >= 2 && client->head[1] == 126) wanted = 4;
  }
  if (client->head_bytes < 2 || client->head_bytes < wanted) return at;
  client->length =
      client->head[1] == 126 ? client->head[2] << 8 | client->head[3] : client->head[1];
  client->remaining = client->length;
  client->begin[0] = client->begin[1] = 0;
  return at;
}

static size_t read_payload(struct client *client, const uint8_t *bytes, size_t count) {
  size_t done = client->length - client->remaining;
  size_t step = client->remaining < count ? client->remaining : count;
  for (size_t at = 0; at < step && done + at < 2; at++) client->begin[done + at] = bytes[at];
  int is_answer = client->stage == OPEN && client->head[0] == TEXT &&
                  client->length == wire.answer_bytes - 2;
  if (is_answer && memcmp(bytes, wire.answer + 2 + done, step) != 0)
    fail("the server sent another message than the one expected");
  client->remaining -= step;
  return step;
}

/* How many answers end in these bytes, wherever they are cut. */
static uint32_t read_frames(struct client *client, const uint8_t *bytes, size_t count) {
  uint32_t answers = 0;
  size_t at = 0;
  while (at < count) {
    if (client->stage == HEADERS) {
      at += read_headers(client, bytes, count);
      continue;
    }
    if (client->head_bytes == 0 && client->stage == OPEN)
      while (count - at >= wire.answer_bytes &&
             memcmp(bytes + at, wire.answer, wire.answer_bytes) == 0) {
        at += wire.answer_bytes;
        answers++;
      }
    if (at == count) break;
    int has_head = client->head_bytes >= 2 && (client->head[1] != 126 || client->head_bytes == 4);
    if (has_head) {
      at += read_payload(client, bytes + at, count - at);
    } else {
      at += read_head(client, bytes + at, count - at);
      has_head = client->head_bytes >= 2 && (client->head[1] != 126 || client->head_bytes == 4);
    }
    if (has_head && client->remaining == 0) {
      answers += end_frame(client);
      client->head_bytes = 0;
    }
  }
  return answers;
}

static size_t from_hex(const char *hex, uint8_t *bytes) {
  size_t length = 0;
  for (; hex[0] && hex[0] != '-' && length < MAX_FRAME; hex += 2)
    sscanf(hex, "%2hhx", &bytes[length++]);
  return length;
}

/* What all clients say and expect; frames are in hexadecimal, "-" is none. */
static void set_wire(const char *path, const char *hello, const char *asked, const char *answer) {
  wire.hello_bytes = from_hex(hello, wire.hello);
  wire.request_bytes = from_hex(asked, wire.request);
  wire.answer_bytes = from_hex(answer, wire.answer);
  wire.upgrade_bytes = snprintf(wire.upgrade, sizeof wire.upgrade,
                                "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n",
                                path);
  wire.block = malloc(BLOCK_BYTES + 2 * MAX_FRAME);
  for (size_t at = 0; at < BLOCK_BYTES + MAX_FRAME; at += wire.request_bytes)
    memcpy(wire.block + at, wire.request, wire.request_bytes);
}
