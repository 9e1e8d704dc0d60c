/*
 * The load generator. It reads commands from its standard input, one a line, and answers in JSON, one
 * a line; see load-generator.ts. load-main.ts does the same on Node.js, at several times the cost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "histogram.h"

#define EVENTS 1024
#define READ_BYTES (256 * 1024)
#define OPENING_AT_ONCE 100
#define DRAIN_LIMIT_NS 10000000000ull
#define CONNECT_LIMIT_NS 180000000000ull
/*
 * In a fan-out all clients read at this interval: a small part of what a delivery to 1,000 takes, so
 * that no server waits for it. Without it the generator is busy asking for events.
 */
#define FAN_OUT_READ_INTERVAL_US 200

enum traffic { NONE, ECHO, TURNS, FAN_OUT, RATE };

static struct client *clients;
static uint32_t count, started, opened, first_source, sources, outstanding, senders;
static uint16_t ports[8];
static uint32_t port_count;
static enum traffic traffic;
static int sending, draining, timer;
static uint64_t sent, received, per_second, sequence, rate_start, deadline;
static uint64_t connect_start, measure_start, measure_end, received_before;
static struct rusage usage_before;
static struct histogram latencies, pauses;
static uint8_t buffer[READ_BYTES];

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static double cpu_seconds(const struct rusage *usage) {
  return usage->ru_utime.tv_sec + usage->ru_stime.tv_sec +
         (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static double cpu_share(double seconds) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (cpu_seconds(&usage) - cpu_seconds(&usage_before)) / seconds;
}

static void start_client(uint32_t index) {
  struct client *client = &clients[index];
  int on = 1;
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (client->fd < 0) fail("no socket for client %u: %s", index, strerror(errno));
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET};
  if (first_source > 1 || sources > 1) {
    /* One address has ports for some 28,000 connections to the same server. */
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + first_source + index % sources);
    if (bind(client->fd, (struct sockaddr *)&address, sizeof address) < 0)
      fail("client %u cannot have its own address: %s", index, strerror(errno));
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(ports[index % port_count]);
  if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    fail("client %u cannot connect: %s", index, strerror(errno));
  client->awaits_writable = 1;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
  epoll_ctl(wire.epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static void on_open(struct client *client) {
  client->stage = OPEN;
  opened++;
  if (started < count) start_client(started++);
  if (opened < count) return;
  double seconds = (now() - connect_start) / 1e9;
  printf("{\"kind\":\"connected\",\"seconds\":%.9f,\"cpuShare\":%.4f}\n", seconds, cpu_share(seconds));
  deadline = 0;
}

static uint64_t expected(void) { return traffic == FAN_OUT ? sent * count : sent; }

static void send_requests(struct client *client, uint32_t requests) {
  sent += requests;
  request(client, requests);
}

/* Requests are due at even intervals, whether earlier ones are answered or not. */
static void send_due(void) {
  uint64_t time = now();
  while (sending && rate_start + sequence * 1000000000ull / per_second <= time)
    send_requests(&clients[sequence++ % senders], 1);
  uint64_t next = sending ? rate_start + sequence * 1000000000ull / per_second : 0;
  struct itimerspec when = {.it_value = {next / 1000000000ull, next % 1000000000ull}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Latency counts from when a request was due, so that a slow server cannot hide by delaying it. */
static void record_latencies(struct client *client, uint32_t answers) {
  uint64_t time = now();
  for (uint32_t answer = 0; answer < answers; answer++) {
    uint64_t number = (client - clients) + client->answers++ * senders;
    uint64_t due = rate_start + number * 1000000000ull / per_second;
    if (due < measure_start || due >= measure_end) continue;
    uint64_t latency = time > due ? time - due : 0;
    record(&latencies, latency);
    if (latency > client->worst) client->worst = latency;
  }
}

/* Clients ask one after the other, so that only so many requests are outstanding in all. */
static void take_turns(uint32_t requests) {
  while (requests-- > 0) send_requests(&clients[sequence++ % count], 1);
}

static void on_answers(struct client *client, uint32_t answers) {
  received += answers;
  if (received > expected()) fail("clients got more messages than they asked for");
  if (traffic == RATE) record_latencies(client, answers);
  if (!sending) return;
  if (traffic == ECHO) send_requests(client, answers);
  if (traffic == TURNS) take_turns(answers);
  if (traffic != FAN_OUT) return;
  uint64_t running = (expected() - received + count - 1) / count;
  if (running < outstanding) send_requests(&clients[0], outstanding - running);
}

static void on_event(struct client *client, uint32_t events) {
  if (events & EPOLLOUT) {
    if (client->stage == CONNECTING) {
      send_whole(client, wire.upgrade, wire.upgrade_bytes);
      client->stage = HEADERS;
    }
    push(client);
  }
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  ssize_t bytes = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes < 0) fail("client %ld lost its connection: %s", (long)(client - clients), strerror(errno));
  if (bytes == 0) fail("the server closed client %ld", (long)(client - clients));
  uint32_t answers = read_frames(client, buffer, bytes);
  if (answers > 0) on_answers(client, answers);
}

/* connect <clients> <first source address> <source addresses> <ports> <path> <hello> <request> <answer> */
static void start_connecting(char *values) {
  char list[64], path[128], hello[520], asked[520], answer[520];
  if (sscanf(values, "%u %u %u %63s %127s %519s %519s %519s", &count, &first_source, &sources, list, path,
             hello, asked, answer) != 8)
    fail("connect %s is not understood", values);
  for (char *port = strtok(list, ","); port && port_count < 8; port = strtok(NULL, ","))
    ports[port_count++] = atoi(port);
  set_wire(path, hello, asked, answer);
  clients = calloc(count, sizeof *clients);
  connect_start = now();
  getrusage(RUSAGE_SELF, &usage_before);
  deadline = connect_start + CONNECT_LIMIT_NS;
  while (started < count && started < OPENING_AT_ONCE) start_client(started++);
}

static void start_traffic(enum traffic wanted) {
  traffic = wanted;
  sent = received = sequence = 0;
  sending = 1;
  for (uint32_t index = 0; index < count; index++) clients[index].answers = 0;
  if (traffic == ECHO)
    for (uint32_t index = 0; index < count; index++) send_requests(&clients[index], outstanding);
  if (traffic == TURNS) take_turns(outstanding);
  if (traffic == FAN_OUT) send_requests(&clients[0], outstanding);
  if (traffic != RATE) return;
  rate_start = now();
  send_due();
}

static void begin_measure(void) {
  for (uint32_t index = 0; index < count; index++) clients[index].worst = 0;
  clear(&latencies);
  received_before = received;
  getrusage(RUSAGE_SELF, &usage_before);
  measure_start = now();
  measure_end = UINT64_MAX;
  printf("{\"kind\":\"measuring\"}\n");
}

static void end_measure(void) {
  measure_end = now();
  double seconds = (measure_end - measure_start) / 1e9;
  printf("{\"kind\":\"measured\",\"messages\":%lu,\"seconds\":%.9f,\"cpuShare\":%.4f}\n",
         received - received_before, seconds, cpu_share(seconds));
}

static void report_stop(void) {
  clear(&pauses);
  for (uint32_t index = 0; index < count; index++)
    if (clients[index].worst > 0) record(&pauses, clients[index].worst);
  printf("{\"kind\":\"stopped\",");
  print_histogram("latencies", &latencies);
  printf(",");
  print_histogram("pauses", &pauses);
  printf("}\n");
}

static void on_command(char *line) {
  if (strncmp(line, "connect ", 8) == 0) start_connecting(line + 8);
  else if (sscanf(line, "echo %u", &outstanding) == 1) start_traffic(ECHO);
  else if (sscanf(line, "turns %u", &outstanding) == 1) start_traffic(TURNS);
  else if (sscanf(line, "fanOut %u", &outstanding) == 1) start_traffic(FAN_OUT);
  else if (sscanf(line, "rate %lu %u", &per_second, &senders) == 2) start_traffic(RATE);
  else if (strcmp(line, "measure") == 0) begin_measure();
  else if (strcmp(line, "end") == 0) end_measure();
  else if (strcmp(line, "stop") == 0) {
    sending = 0;
    draining = 1;
    deadline = now() + DRAIN_LIMIT_NS;
  } else fail("\"%s\" is no command", line);
}

static void read_commands(void) {
  static char lines[4096];
  static size_t length;
  ssize_t bytes = read(STDIN_FILENO, lines + length, sizeof lines - 1 - length);
  if (bytes <= 0) exit(0);
  length += bytes;
  lines[length] = 0;
  char *line = lines;
  for (char *end; (end = strchr(line, '\n')); line = end + 1) {
    *end = 0;
    on_command(line);
  }
  length -= line - lines;
  memmove(lines, line, length);
}

static void check_progress(void) {
  if (draining && received == expected()) {
    draining = 0;
    deadline = 0;
    report_stop();
  }
  if (deadline == 0 || now() < deadline) return;
  if (draining) fail("%lu of %lu messages are missing", expected() - received, expected());
  fail("%u of %u clients could not connect in time", count - opened, count);
}

int main(void) {
  static struct epoll_event events[EVENTS];
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  prctl(PR_SET_TIMERSLACK, 1ul);
  wire.epoll = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL};
  struct epoll_event ticks = {.events = EPOLLIN, .data.ptr = &timer};
  epoll_ctl(wire.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
  epoll_ctl(wire.epoll, EPOLL_CTL_ADD, timer, &ticks);
  for (;;) {
    if (traffic == FAN_OUT && sending) usleep(FAN_OUT_READ_INTERVAL_US);
    int ready = epoll_wait(wire.epoll, events, EVENTS, deadline ? 50 : -1);
    for (int index = 0; index < ready; index++) {
      if (events[index].data.ptr == NULL) read_commands();
      else if (events[index].data.ptr == &timer) send_due();
      else on_event(events[index].data.ptr, events[index].events);
    }
    check_progress();
    fflush(stdout);
  }
}
