export { createIntake, type Intake, type IntakeAccess, type IntakeOptions, type TokenVerdict } from "./intake.ts";
export { INTAKE_PATHS, isIntakePath } from "./paths.ts";
