/**
 * How one row of history is packed: the values of one source for one step of time, in the order of its fields.
 *
 * Byte 0 is the form; bytes 2..3 the number of fields; bytes 4..7 how many readings went in (little endian).
 * - form 1, a single reading: one f64 per field (NaN: not measured)
 * - form 2, several readings: one f64 average per field, a bit per field that says whether it varied (padded to 4
 *   bytes), then f32 minimum and maximum of each field that did
 */
export interface MetricRow {
  readonly count: number;
  readonly avg: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
}

const HEADER = 8;

export function packRow(row: MetricRow): Uint8Array {
  return row.count <= 1 ? packSingle(row) : packSeveral(row);
}

function packSingle(row: MetricRow): Uint8Array {
  const bytes = new Uint8Array(HEADER + row.avg.length * 8);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 1, row);
  writeAverages(view, row);
  return bytes;
}

function packSeveral(row: MetricRow): Uint8Array {
  const fields = row.avg.length;
  const varied: number[] = [];
  for (let index = 0; index < fields; index++)
    if (row.min[index] !== row.max[index] && !Number.isNaN(row.avg[index])) varied.push(index);
  const maskBytes = Math.ceil(fields / 32) * 4;
  const bytes = new Uint8Array(HEADER + fields * 8 + maskBytes + varied.length * 8);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 2, row);
  writeAverages(view, row);
  const mask = HEADER + fields * 8;
  varied.forEach((field, position) => {
    bytes[mask + (field >> 3)] = (bytes[mask + (field >> 3)] ?? 0) | (1 << (field & 7));
    view.setFloat32(mask + maskBytes + position * 8, row.min[field] ?? 0, true);
    view.setFloat32(mask + maskBytes + position * 8 + 4, row.max[field] ?? 0, true);
  });
  return bytes;
}

function writeHeader(view: DataView, form: number, row: MetricRow): void {
  view.setUint8(0, form);
  view.setUint16(2, row.avg.length, true);
  view.setUint32(4, Math.min(row.count, 0xffffffff), true);
}

function writeAverages(view: DataView, row: MetricRow): void {
  for (const [index, value] of row.avg.entries()) view.setFloat64(HEADER + index * 8, value, true);
}

/** How many fields a packed row holds. */
export function countFields(packed: Uint8Array): number {
  return (packed[2] ?? 0) | ((packed[3] ?? 0) << 8);
}

/** Reads a packed row. Fields that did not exist when it was written are NaN. Rows are only ever written by us. */
export function unpackRow(packed: Uint8Array, fields: number): MetricRow {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const form = view.getUint8(0);
  const stored = view.getUint16(2, true);
  const avg = new Float64Array(fields).fill(Number.NaN);
  for (let index = 0; index < Math.min(stored, fields); index++) avg[index] = view.getFloat64(HEADER + index * 8, true);
  const min = avg.slice();
  const max = avg.slice();
  if (form === 2) {
    const mask = HEADER + stored * 8;
    let offset = mask + Math.ceil(stored / 32) * 4;
    for (let index = 0; index < stored; index++) {
      if ((((packed[mask + (index >> 3)] ?? 0) >> (index & 7)) & 1) === 0) continue;
      if (index < fields) {
        min[index] = view.getFloat32(offset, true);
        max[index] = view.getFloat32(offset + 4, true);
      }
      offset += 8;
    }
  }
  return { count: view.getUint32(4, true), avg, min, max };
}

/** Joins rows of a finer step into one of a coarser step, weighing averages by their readings. */
export function joinRows(rows: readonly MetricRow[], fields: number): MetricRow {
  const sum = new Float64Array(fields);
  const weight = new Float64Array(fields);
  const min = new Float64Array(fields).fill(Number.NaN);
  const max = new Float64Array(fields).fill(Number.NaN);
  let count = 0;
  for (const row of rows) {
    count += row.count;
    for (let index = 0; index < fields; index++) {
      const value = row.avg[index] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      sum[index] = (sum[index] ?? 0) + value * row.count;
      weight[index] = (weight[index] ?? 0) + row.count;
      min[index] = Number.isNaN(min[index])
        ? (row.min[index] ?? value)
        : Math.min(min[index] ?? value, row.min[index] ?? value);
      max[index] = Number.isNaN(max[index])
        ? (row.max[index] ?? value)
        : Math.max(max[index] ?? value, row.max[index] ?? value);
    }
  }
  const avg = sum.map((total, index) => ((weight[index] ?? 0) === 0 ? Number.NaN : total / (weight[index] ?? 1)));
  return { count, avg, min, max };
}
