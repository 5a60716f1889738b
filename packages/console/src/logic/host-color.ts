/** How many series colours the theme has. */
const COLORS = 8;

/** The same id has the same colour wherever it appears on a page. */
export function seriesColorOf(id: string): number {
  let hash = 0;
  for (let index = 0; index < id.length; index++) hash = (hash * 31 + id.charCodeAt(index)) | 0;
  return Math.abs(hash) % COLORS;
}
