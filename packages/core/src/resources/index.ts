export * from "./access.ts";
export * from "./agents.ts";
export * from "./commands.ts";
export * from "./inputs.ts";
export * from "./live.ts";
export * from "./metrics.ts";
export * from "./shared.ts";
export * from "./system.ts";
