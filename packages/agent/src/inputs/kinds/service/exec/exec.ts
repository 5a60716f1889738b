import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, integer, options, text, texts } from "../../shared/options.ts";
import { nowNs } from "../../shared/values.ts";
import { describeFailure, ServiceTrouble } from "../failure.ts";
import { PROGRAM_ENVIRONMENT, runProgram } from "../program.ts";
import { EXEC_FORMATS, readOutput } from "./formats.ts";

const execOptions = options({
  command: z.array(z.string().check(z.maxLength(4096))).check(z.minLength(1), z.maxLength(100)),
  environment: z._default(z.record(z.string(), z.string()), {}),
  directory: text("/"),
  timeout: duration(5000, { minMs: 100, maxMs: 600_000 }),
  max_output: integer(1024 * 1024, { min: 1024, max: 32 * 1024 * 1024 }),
  data_format: z._default(z.enum(EXEC_FORMATS), "influx"),
  measurement_name: z._default(z.string().check(z.minLength(1), z.maxLength(200)), "exec"),
  tag_keys: texts(),
  json_string_fields: texts(),
  data_type: z._default(z.enum(["float", "integer", "string"]), "float"),
});
type ExecOptions = z.output<typeof execOptions>;

export function createExec(wanted: ExecOptions, tools: KindTools): Collector {
  const [program = ""] = wanted.command;
  const secrets = Object.values(wanted.environment);

  const run = async (signal: AbortSignal) => {
    const { exitCode, output, error } = await runProgram({
      argv: wanted.command,
      environment: wanted.environment,
      cwd: wanted.directory,
      clock: tools.clock,
      signal,
      timeoutMs: wanted.timeout,
      maxBytes: wanted.max_output,
    });
    // a plugin's exit code is its answer
    if (exitCode !== 0 && wanted.data_format !== "nagios") {
      throw new ServiceTrouble(`${program} ended with ${exitCode ?? "a signal"}${error === "" ? "" : `: ${error}`}`);
    }
    return readOutput({ output: output.toString("utf8"), exitCode, timeNs: nowNs(tools.clock) }, wanted);
  };

  return {
    async collect(signal) {
      try {
        const points = await run(signal);
        if (points.length > 0) await tools.emit("metric", points);
        tools.reportTrouble(null);
      } catch (error) {
        signal.throwIfAborted();
        tools.reportTrouble(describeFailure(error, program, secrets));
      }
    },
  };
}

export const exec = defineKind({
  name: "exec",
  catalog: "custom",
  summary: "Runs a program of yours at each interval and reads metrics from what it prints",
  defaultIntervalMs: 60_000,
  runsPrograms: true,
  programOf: ({ command, directory, environment }) => ({
    argv: command,
    cwd: directory,
    searchPath: environment.PATH ?? PROGRAM_ENVIRONMENT.PATH,
  }),
  options: execOptions,
  create: createExec,
  sample: sampleOf({
    name: "exec",
    about: `Runs a program and reads what it prints. It runs as the agent's user, without a shell and with
      a small environment of its own; a policy of this host that does not allow exec refuses it.`,
    interval: "1m",
    body: `
  # The program and its arguments. For a shell: ["/bin/sh", "-c", "..."]
  command = ["/bin/echo", "exec_sample,source=echo value=1"]
  # Ended after this time, with everything that it started.
  timeout = "5s"
  # "influx": line protocol; "json": an object or a list of them, its numbers and booleans are fields;
  # "value": one value; "nagios": a plugin's exit code and performance data.
  data_format = "influx"
  # The measurement, for every format but influx.
  # measurement_name = "exec"
  # json: keys that become tags, and texts that become fields. Keys of inner objects are joined by _.
  # tag_keys = ["name"]
  # json_string_fields = ["version"]
  # value: "float", "integer" or "string".
  # data_type = "float"
  # Bytes; more is a failure.
  # max_output = 1048576
  # directory = "/"
  # environment = { "LEVEL" = "2" }`,
  }),
  measurements: [
    {
      name: "(the program's)",
      category: "metric",
      about:
        "With influx whatever the program prints, else measurement_name. With nagios a second one, measurement_name_state, " +
        "has the state and the message.",
      tags: {
        "(tag_keys)": "json: the keys that were named",
        perfdata: "nagios: the label of a value",
        unit: "nagios: its unit, as the plugin writes it",
      },
      fields: {
        "(keys)": "json: numbers, booleans, and texts that were named",
        value: "value: what was printed; nagios: the value, in its unit",
        warning: "nagios: the limit for a warning, in the value's unit",
        critical: "nagios: the limit for critical, in the value's unit",
        min: "nagios: least possible value, in its unit",
        max: "nagios: largest possible value, in its unit",
        state: "nagios: exit code; 0 ok, 1 warning, 2 critical, 3 unknown",
        message: "nagios: the first line",
      },
    },
  ],
});
