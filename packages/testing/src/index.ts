export * from "./clock.ts";
export * from "./process.ts";
export * from "./scope.ts";
export * from "./vectors.ts";
export * from "./wait.ts";
