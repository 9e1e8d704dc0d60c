const START = '<!-- bench: written by npm run bench -- --write -->';
const END = '<!-- bench: end -->';

/** The document with another result between its two marks. */
export function withResult(document: string, result: string): string {
  const start = document.indexOf(START);
  const end = document.indexOf(END);
  if (start < 0 || end < start) throw new Error(`there is no "${START}" before "${END}"`);
  return `${document.slice(0, start + START.length)}\n\n${result}\n\n${document.slice(end)}`;
}
