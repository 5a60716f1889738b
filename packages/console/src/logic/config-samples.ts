import type { ConfigFormat } from "@muster/core/resources";

const PIPELINE = `enable: true
inputs:
  - Type: input_file
    FilePaths:
      - /var/log/nginx/access.log
flushers:
  - Type: flusher_stdout
    OnlyStdout: true
`;

const PIPELINE_JSON = `{
  "enable": true,
  "inputs": [{ "Type": "input_file", "FilePaths": ["/var/log/nginx/access.log"] }],
  "flushers": [{ "Type": "flusher_stdout", "OnlyStdout": true }]
}
`;

/** A text to start from; empty where none would suit more than one reader. */
export function sampleConfig(kind: string, format: ConfigFormat): string {
  if (kind === "pipeline" || kind === "onetime") return format === "json" ? PIPELINE_JSON : PIPELINE;
  if (kind === "settings")
    return format === "json" ? '{\n  "max_bytes_per_sec": 20971520\n}\n' : "max_bytes_per_sec: 20971520\n";
  return "";
}
