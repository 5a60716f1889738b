export * from "./clock.ts";
export * from "./original-node.ts";
export * from "./process.ts";
export * from "./programs.ts";
export * from "./scope.ts";
export * from "./stub-server.ts";
export * from "./vectors.ts";
export * from "./wait.ts";
