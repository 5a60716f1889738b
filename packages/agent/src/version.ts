/** This agent's version, as package.json has it (a test compares them; the bundle has no package.json). */
export const AGENT_VERSION = "0.1.0";
