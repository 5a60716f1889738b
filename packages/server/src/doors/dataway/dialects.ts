import type { DatawayEra } from "@muster/protocols/dataway";
import type { Dialect } from "./dialect.ts";
import { eraA } from "./era-a-calls.ts";
import { eraB } from "./era-b-calls.ts";
import { seed } from "./seed-calls.ts";

const DIALECTS: Readonly<Record<DatawayEra, Dialect>> = { seed, a: eraA, b: eraB };

export function dialectOf(era: DatawayEra): Dialect {
  return DIALECTS[era];
}
