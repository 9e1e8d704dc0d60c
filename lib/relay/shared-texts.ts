/** Texts that are remembered; then all are forgotten, and those that are common come again. */
const MOST_TEXTS = 1000;
/** Longest text that is remembered, in UTF-16 code units. */
const LONGEST_TEXT = 256;
/** Headers whose values are a client's own: alike by chance only, and some of them are secrets. */
const OWN = new Set(['authorization', 'cookie', 'proxy-authorization', 'sec-websocket-key']);

/**
 * Header names, and most of their values, are the same for most clients; each is parsed into a string
 * of its own, and kept as long as its client. Kept once, a client takes a quarter less memory.
 */
export class SharedTexts {
  private readonly texts = new Map<string, string>();

  /**
   * @param rawHeaders alternating names and values
   * @returns the same headers
   */
  headers(rawHeaders: readonly string[]): string[] {
    return rawHeaders.map((text, i) =>
      i % 2 === 1 && OWN.has(rawHeaders[i - 1]!.toLowerCase()) ? text : this.share(text),
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
