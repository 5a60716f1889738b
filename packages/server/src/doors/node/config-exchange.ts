import { CONFIG_LIMITS } from "@muster/core";
import type { ConfigReport, WantedConfigs, WireConfig, WireHeldConfig } from "@muster/protocols/node";
import type { WantedConfig } from "../../fleet/config-delivery.ts";
import type { AgentSession } from "../../fleet/session.ts";
import { DOOR_LIMITS, type NodeDoorParts } from "./parts.ts";

/** What our agent keeps as it is; everything else that a config may be for is some other program's. */
const KINDS: readonly string[] = ["file"];

/** What the exchange needs of its socket. */
export interface ConfigChannel {
  readonly bufferedBytes: number;
  /** Calls `pump` once the peer has read enough. */
  whenReadable(): void;
  send(wanted: WantedConfigs): void;
}

/**
 * The configs of one agent of ours. It is told nothing before it has said what it has; then all that it should have, at every
 * change, with those texts that it lacks. What does not go into one frame follows when it has said what it made of that.
 */
export class ConfigExchange {
  readonly #parts: NodeDoorParts;
  readonly #channel: ConfigChannel;
  readonly #session: AgentSession;
  /** What the agent was told last. */
  #told: readonly WantedConfig[] | undefined;
  /** By name the text that it runs, or was sent on this connection and has said nothing of yet. */
  readonly #texts = new Map<string, { readonly digest: string; readonly isHeld: boolean }>();
  #hasReported = false;
  /** There is something to tell. */
  #isDue = false;
  /** Texts were left out for the next frame. */
  #isCut = false;

  constructor(parts: NodeDoorParts, channel: ConfigChannel, session: AgentSession) {
    this.#parts = parts;
    this.#channel = channel;
    this.#session = session;
  }

  report({ held }: ConfigReport): void {
    const { state } = this.#session;
    const ours = held.filter(({ kind }) => KINDS.includes(kind));
    this.#learn(ours);
    this.#parts.fleet.configs.report(
      state,
      KINDS,
      ours.map(({ given: _given, ...told }) => told),
    );
    const isFirst = !this.#hasReported;
    this.#hasReported = true;
    if (isFirst || this.#isCut || this.#parts.fleet.configs.wantedFor(state) !== this.#told) this.notice();
  }

  /** What the agent should have may have changed. */
  notice(): void {
    this.#isDue = true;
    this.pump();
  }

  pump(): void {
    if (!this.#isDue || !this.#hasReported) return;
    if (this.#channel.bufferedBytes > DOOR_LIMITS.workBufferBytes) {
      this.#channel.whenReadable();
      return;
    }
    this.#isDue = false;
    this.#isCut = false;
    this.#told = this.#parts.fleet.configs.wantedFor(this.#session.state);
    const wanted = this.#told.filter(({ kind }) => KINDS.includes(kind)).slice(0, CONFIG_LIMITS.configsPerAgent);
    let room: number = DOOR_LIMITS.configTextBytes;
    const configs = wanted.map((config) => {
      if (this.#texts.get(config.name)?.digest === config.digest) return describe(config);
      const size = Buffer.byteLength(JSON.stringify(config.text));
      if (room < size && room < DOOR_LIMITS.configTextBytes) {
        this.#isCut = true;
        return describe(config);
      }
      room -= size;
      this.#texts.set(config.name, { digest: config.digest, isHeld: false });
      return { ...describe(config), text: config.text };
    });
    this.#channel.send({ configs });
  }

  /** A text that was refused may be sent again, when somebody says so; one that is being tried is on its way already. */
  #learn(held: readonly WireHeldConfig[]): void {
    const names = new Set(held.map(({ name }) => name));
    for (const [name, { isHeld }] of this.#texts) if (isHeld && !names.has(name)) this.#texts.delete(name);
    for (const { name, given, status } of held) {
      if (status === "applying") continue;
      if (given === null) this.#texts.delete(name);
      else this.#texts.set(name, { digest: given, isHeld: true });
    }
  }
}

function describe({ name, kind, format, revision, digest }: WantedConfig): WireConfig {
  return { name, kind, format, revision, digest };
}
