export * from "./capabilities.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export * from "./labels.ts";
export * from "./metrics.ts";
export * from "./points.ts";
export * from "./time.ts";
export * from "./units.ts";
