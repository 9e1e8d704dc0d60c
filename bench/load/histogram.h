/* Counts of nanoseconds; latency-histogram.ts has the same buckets and reads them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PRECISION 7
#define STEPS (1 << PRECISION)
#define BUCKETS ((64 - PRECISION + 1) * STEPS)

struct histogram {
  uint32_t counts[BUCKETS];
};

static uint32_t bucket_of(uint64_t value) {
  if (value < STEPS) return value;
  int shift = 63 - __builtin_clzll(value) - PRECISION;
  return (shift + 1) * STEPS + ((value >> shift) - STEPS);
}

static void record(struct histogram *histogram, uint64_t value) {
  histogram->counts[bucket_of(value)]++;
}

static void clear(struct histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

static void print_histogram(const char *name, const struct histogram *histogram) {
  const char *separator = "";
  printf("\"%s\":[", name);
  for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
    if (histogram->counts[bucket] > 0) {
      printf("%s[%u,%u]", separator, bucket, histogram->counts[bucket]);
      separator = ",";
    }
  printf("]");
}
