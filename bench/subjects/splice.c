/*
 * splice PORT UPSTREAM_PORT
 *
 * Gives on what clients and a server send each other, a connection each, and knows nothing of what it
 * is: what one more process costs that does nothing else. Its sockets block: nobody here is slow.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define FILES 65536
#define READ_BYTES 65536
#define BACKLOG 4096

/* The other socket of each one's pair; 0: it is closed. */
static int peers[FILES];
static uint8_t buffer[READ_BYTES];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void set(int file, int level, int option) {
  int on = 1;
  if (setsockopt(file, level, option, &on, sizeof on)) fail("setsockopt");
}

static void watch(int epoll, int file) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = file};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event)) fail("epoll_ctl");
}

static void pair(int epoll, int file, int other) {
  if (file >= FILES) fail("too many clients");
  set(file, IPPROTO_TCP, TCP_NODELAY);
  peers[file] = other;
  watch(epoll, file);
}

static void join(int epoll, int listener, int upstream_port) {
  struct sockaddr_in address = loopback(upstream_port);
  int client = accept(listener, NULL, NULL);
  if (client < 0) return;
  int upstream = socket(AF_INET, SOCK_STREAM, 0);
  if (upstream < 0 || connect(upstream, (struct sockaddr *)&address, sizeof address)) {
    fail("no connection to the server");
  }
  pair(epoll, client, upstream);
  pair(epoll, upstream, client);
}

/* The other one reads the end. */
static void end(int file) {
  int peer = peers[file];
  if (peer) shutdown(peer, SHUT_WR);
  if (peer && peers[peer] == file) peers[peer] = 0;
  peers[file] = 0;
  close(file);
}

static void give_on(int file) {
  ssize_t length = read(file, buffer, sizeof buffer);
  int peer = peers[file];
  if (length <= 0 || !peer || send(peer, buffer, length, MSG_NOSIGNAL) != length) end(file);
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: splice PORT UPSTREAM_PORT\n");
    return 2;
  }
  struct sockaddr_in address = loopback(atoi(arguments[1]));
  struct epoll_event events[EVENTS];
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int epoll = epoll_create1(0);
  set(listener, SOL_SOCKET, SO_REUSEADDR);
  if (bind(listener, (struct sockaddr *)&address, sizeof address)) fail("bind");
  if (listen(listener, BACKLOG)) fail("listen");
  watch(epoll, listener);
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int file = events[i].data.fd;
      if (file == listener) join(epoll, listener, atoi(arguments[2]));
      else give_on(file);
    }
  }
}
