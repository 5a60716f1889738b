// Imported first: what is played with is the bundle that ships, which `npm run chaos` has just built.
import { join } from "node:path";

process.env.MUSTER_TEST_PROGRAM ??= join(import.meta.dirname, "../../packages/muster/dist/main.mjs");
