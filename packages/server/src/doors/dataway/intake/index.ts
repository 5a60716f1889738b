export {
  createIntake,
  type Intake,
  type IntakeAccess,
  type IntakeCounters,
  type IntakeFleet,
  type IntakeOptions,
  type TokenVerdict,
} from "./intake.ts";
export { INTAKE_PATHS, isIntakePath } from "./paths.ts";
