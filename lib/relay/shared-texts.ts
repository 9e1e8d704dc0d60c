/** Texts that are remembered; then all are forgotten, and those that are common come again. */
const MOST_TEXTS = 1000;
/** Longest text that is remembered, in UTF-16 code units. */
const LONGEST_TEXT = 256;
/** Headers whose values are alike for many clients, and no secrets. */
const ALIKE = new Set(
  (
    'accept accept-encoding accept-language cache-control connection host origin pragma ' +
    'sec-fetch-dest sec-fetch-mode sec-fetch-site sec-websocket-extensions sec-websocket-version ' +
    'upgrade user-agent x-forwarded-host x-forwarded-port x-forwarded-proto'
  ).split(' '),
);

/**
 * Header names and many values are the same for most clients; each is parsed into a string of its own,
 * and kept as long as its client. Kept once, a client takes a tenth less memory.
 */
export class SharedTexts {
  private readonly texts = new Map<string, string>();

  /**
   * @param rawHeaders alternating names and values
   * @returns the same headers
   */
  headers(rawHeaders: readonly string[]): string[] {
    return rawHeaders.map((text, i) =>
      i % 2 === 0 || ALIKE.has(rawHeaders[i - 1]!.toLowerCase()) ? this.share(text) : text,
    );
  }

  private share(text: string): string {
    if (text.length > LONGEST_TEXT) return text;
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= MOST_TEXTS) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }
}
