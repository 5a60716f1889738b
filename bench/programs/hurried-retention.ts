// Loaded before the server (`node --import`): what runs every ten minutes, retention, runs every five seconds.
const EVERY_10_MIN = 600_000;
const HURRIED = 5_000;

const { setInterval: original } = globalThis;
globalThis.setInterval = ((task: () => void, intervalMs: number, ...rest: unknown[]) =>
  original(task, intervalMs === EVERY_10_MIN ? HURRIED : intervalMs, ...(rest as []))) as typeof setInterval;
