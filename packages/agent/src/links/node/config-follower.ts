import type { WireConfig, WireHeldConfig } from "@muster/protocols/node";
import type { GivenConfigs } from "../../configs/given-configs.ts";

const KIND = "file";

/** Makes this host's configs what a server of ours wants them to be. */
export class ConfigFollower {
  readonly #configs: GivenConfigs;
  /** Digests of texts on their way, by name: a server that was told nothing of them yet may send them again. */
  readonly #underWay = new Map<string, string>();

  constructor(configs: GivenConfigs) {
    this.#configs = configs;
  }

  /** All that there should be. A text that is neither here nor sent will come in a later frame. */
  follow(wanted: readonly WireConfig[]): void {
    const ours = wanted.filter(({ kind }) => kind === KIND);
    const names = new Set(ours.map(({ name }) => name));
    for (const { kind, name } of this.#configs.held())
      if (kind === KIND && !names.has(name)) void this.#configs.remove(kind, name);
    for (const config of ours) this.#take(config);
  }

  report(): WireHeldConfig[] {
    const held = this.#configs.held().filter(({ kind }) => kind === KIND);
    return held.map((file) => ({ ...file, given: this.#configs.good(KIND, file.name)?.digest ?? null }));
  }

  #take({ name, format, revision, digest, text }: WireConfig): void {
    if (this.#underWay.get(name) === digest) return;
    if (text === undefined) {
      const good = this.#configs.good(KIND, name);
      if (good?.digest === digest) void this.#configs.renumber(KIND, name, revision);
      return;
    }
    this.#underWay.set(name, digest);
    void this.#configs.give({ kind: KIND, name, format, revision, text, expiresAt: null }).then(() => {
      if (this.#underWay.get(name) === digest) this.#underWay.delete(name);
    });
  }
}
