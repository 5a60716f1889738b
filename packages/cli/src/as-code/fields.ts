import { folderError } from "./declared.ts";

/** Reads the fields of one mapping of a file. Every mistake throws, with the place and the field; so do fields that nobody asked for. */
export class Fields {
  readonly #place: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();

  constructor(value: unknown, place: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw folderError(place, "expected fields with values");
    this.#place = place;
    this.#values = new Map(Object.entries(value));
  }

  text(name: string): string | undefined {
    const value = this.#ask(name);
    if (value === undefined || typeof value === "string") return value;
    // `name: 8080` and `value: true` are texts that YAML takes for something else
    if (typeof value === "number" || typeof value === "boolean")
      return this.#fail(name, `expected a text: quote ${value}`);
    return this.#fail(name, "expected a text");
  }

  requiredText(name: string): string {
    return this.text(name) ?? this.#fail(name, "is missing");
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    const word = words.find((each) => each === text);
    if (text !== undefined && word === undefined) return this.#fail(name, `expected ${words.join(", ")}`);
    return word;
  }

  /** A whole number that is not negative. */
  count(name: string): number | undefined {
    const value = this.#ask(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    return this.#fail(name, "expected a whole number");
  }

  list<Item>(name: string, read: (value: unknown, place: string) => Item): Item[] | undefined {
    const value = this.#ask(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.#fail(name, "expected a list");
    return value.map((item, index) => read(item, `${this.#place}: ${name}[${index}]`));
  }

  /** Call it last: a misspelt field would be ignored in silence otherwise. */
  end(): void {
    const unknown = [...this.#values.keys()].find((name) => !this.#asked.has(name));
    if (unknown !== undefined) this.#fail(unknown, `is not known; there are ${[...this.#asked].join(", ")}`);
  }

  /** An empty field is one that is not there. */
  #ask(name: string): unknown {
    this.#asked.add(name);
    return this.#values.get(name) ?? undefined;
  }

  #fail(name: string, message: string): never {
    throw folderError(this.#place, `${name}: ${message}`);
  }
}
