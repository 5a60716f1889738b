import { AgentsApi } from "./agents.ts";
import { Api, type ApiOptions } from "./api.ts";
import { AuditApi } from "./audit.ts";
import { CommandsApi } from "./commands.ts";
import { ConfigsApi } from "./configs.ts";
import { EnrollmentTokensApi } from "./enrollment-tokens.ts";
import { GroupsApi } from "./groups.ts";
import { InputsApi } from "./inputs.ts";
import { LiveClient, type LiveOptions } from "./live.ts";
import { MetricsApi } from "./metrics.ts";
import { RecordsApi } from "./records.ts";
import { RolloutsApi } from "./rollouts.ts";
import { RunsApi } from "./runs.ts";
import { SecretsApi } from "./secrets.ts";
import { SessionApi } from "./session.ts";
import { SystemApi } from "./system.ts";
import { TokensApi } from "./tokens.ts";
import { UsersApi } from "./users.ts";

/** A Muster server, seen by somebody who uses it: one group of methods per noun of `/fleet/v1`. */
export class MusterClient {
  readonly baseUrl: string;
  readonly session: SessionApi;
  readonly system: SystemApi;
  readonly agents: AgentsApi;
  readonly groups: GroupsApi;
  readonly commands: CommandsApi;
  readonly runs: RunsApi;
  readonly metrics: MetricsApi;
  readonly records: RecordsApi;
  readonly inputs: InputsApi;
  readonly configs: ConfigsApi;
  readonly rollouts: RolloutsApi;
  readonly secrets: SecretsApi;
  readonly users: UsersApi;
  readonly tokens: TokensApi;
  readonly enrollmentTokens: EnrollmentTokensApi;
  readonly audit: AuditApi;
  readonly #api: Api;

  constructor(options: ApiOptions) {
    const api = new Api(options);
    this.#api = api;
    this.baseUrl = api.baseUrl;
    this.session = new SessionApi(api);
    this.system = new SystemApi(api);
    this.agents = new AgentsApi(api);
    this.groups = new GroupsApi(api);
    this.commands = new CommandsApi(api);
    this.runs = new RunsApi(api);
    this.metrics = new MetricsApi(api);
    this.records = new RecordsApi(api);
    this.inputs = new InputsApi(api);
    this.configs = new ConfigsApi(api);
    this.rollouts = new RolloutsApi(api);
    this.secrets = new SecretsApi(api);
    this.users = new UsersApi(api);
    this.tokens = new TokensApi(api);
    this.enrollmentTokens = new EnrollmentTokensApi(api);
    this.audit = new AuditApi(api);
  }

  /** The live stream with the same credentials. It connects with the first subscription; the caller closes it. */
  live(options: LiveOptions = {}): LiveClient {
    const url = this.#api.url("live").replace(/^http/, "ws");
    return new LiveClient({ ...options, url, headers: this.#api.credentials() });
  }
}
