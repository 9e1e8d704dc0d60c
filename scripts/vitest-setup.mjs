import { build } from './build.mjs';

/** Real processes run dist and .build: bring both up to date once, before the first test. */
export function setup() {
  build();
}
