import type { PlainRequest, PlainResponse } from "../../../listeners/door.ts";
import { IntakeFailure, jsonAnswer } from "./answers.ts";
import type { IntakePass } from "./credentials.ts";
import type { IntakeParts } from "./intake.ts";
import type { SidePath } from "./paths.ts";
import { readSource } from "./source.ts";

/** One request to a side path, once it is known who asks. */
export interface SideCall {
  readonly parts: IntakeParts;
  readonly request: PlainRequest;
  readonly pass: IntakePass;
}

/** What agents ask of a DataWay besides writing, answered so that a real one has nothing to complain of. */
export const SIDE_ANSWERS: Readonly<
  Record<Exclude<SidePath, "check-token" | "ntp">, (call: SideCall) => PlainResponse | Promise<PlainResponse>>
> = {
  pull: ({ request }) => jsonAnswer(200, answerPull(request.query)),
  election: elect,
  "list-dataway": () => jsonAnswer(200, { content: { dataway_list: [], interval: 60 } }),
  workspace: ({ request }) => jsonAnswer(200, { content: readTokens(request.body).map(describeWorkspace) }),
  "usage-trace": () => jsonAnswer(200, {}),
  heartbeat: hearHeartbeat,
  "env-variable": () => jsonAnswer(200, { content: {} }),
  unsupported: () => {
    throw new IntakeFailure(404, "notSupported", "this server does not offer that path");
  },
};

/** In ns, as Go writes durations. Zero would mean the same, a small number a flood. */
const PULL_INTERVAL_NS = 30_000_000_000;
const ELECTION_INTERVAL_S = 4;
const MAX_NAME = 255;

function answerPull(query: URLSearchParams): Record<string, unknown> {
  const answer: Record<string, unknown> = { filters: {}, pull_interval: PULL_INTERVAL_NS };
  if (query.get("remote_pipelines"))
    answer.remote_pipelines = { update_time: 0, pipelines: [], relation_update_time: 0, relation: [] };
  return answer;
}

async function elect({ parts, request, pass }: SideCall): Promise<PlainResponse> {
  const namespace = (request.query.get("namespace") || "default").slice(0, MAX_NAME);
  const id = (request.query.get("id") ?? "").slice(0, MAX_NAME);
  if (id === "") throw new IntakeFailure(400, "invalidApiArgs", "id: who stands for election?");
  const { isElected, holder } = await parts.fleet.elections.stand({ realm: pass.realm, namespace }, id);
  const status = isElected ? "success" : "defeat";
  const content = { status, namespace, id, incumbency_id: holder, interval: ELECTION_INTERVAL_S };
  return jsonAnswer(200, { content });
}

async function hearHeartbeat({ parts, request, pass }: SideCall): Promise<PlainResponse> {
  const beat = readJson(request.body);
  const source = readSource(request, pass.tokenId);
  const externalId = typeof beat.dk_uuid === "string" && beat.dk_uuid !== "" ? beat.dk_uuid : source.externalId;
  const host = typeof beat.host === "string" && beat.host !== "" ? beat.host : undefined;
  if (externalId !== undefined || host !== undefined) await parts.fleet.points.hear({ ...source, externalId }, host);
  return jsonAnswer(200, {});
}

function readTokens(body: Uint8Array): string[] {
  const { token } = readJson(body);
  return Array.isArray(token) ? token.filter((one) => typeof one === "string").slice(0, 100) : [];
}

/** One workspace for all, without limits: there is nothing to pay here. */
function describeWorkspace(token: string) {
  return {
    token: {
      ws_uuid: "wksp_muster",
      bill_state: "normal",
      ver_type: "",
      token,
      db_uuid: "",
      status: 0,
      creator: "",
      expire_at: -1,
      create_at: 0,
      update_at: 0,
      delete_at: -1,
    },
    data_usage: { data_metric: 0, data_logging: 0, data_tracing: 0, data_rum: 0, is_over_usage: false },
  };
}

function readJson(body: Uint8Array): Record<string, unknown> {
  if (body.length > 64 * 1024) return {};
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString());
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
