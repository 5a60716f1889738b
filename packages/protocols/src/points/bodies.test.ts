import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Point } from "@muster/core";
import {
  type DecodedPoints,
  decodeJsonPoints,
  decodeLines,
  decodePbJsonPoints,
  decodeProtobufPoints,
  describeProblems,
} from "./index.ts";

const OPTIONS = { receivedAtNs: 5n };

function pointsOf(decoded: DecodedPoints): Point[] {
  if (!decoded.points) assert.fail(describeProblems(decoded));
  return decoded.points;
}

function refusalOf(decoded: DecodedPoints): string {
  if (decoded.points) assert.fail("was decoded");
  return describeProblems(decoded);
}

test("JSON points keep integers that a number does not hold", () => {
  const text = `[{"measurement":"m","tags":{"host":"h","n":1},"fields":{"f":1.5,"big":9007199254740993,"ok":true,"s":"x","none":null,"list":[1,2]},
    "time":1600000000123456789},{"measurement":"m","fields":{"f":1},"time":1600000000},{"measurement":"m","fields":{"f":1}}]`;
  const [first, second, third] = pointsOf(decodeJsonPoints(text, OPTIONS));
  assert.deepEqual(first, {
    measurement: "m",
    tags: { host: "h", n: "1" },
    fields: { f: 1.5, big: 9007199254740993n, ok: true, s: "x", list: [1, 2] },
    timeNs: 1600000000123456789n,
  });
  assert.equal(second?.timeNs, 1_600_000_000_000_000_000n);
  assert.equal(third?.timeNs, 5n);
});

test("one JSON object is one point, and a time may be a date", () => {
  const [point] = pointsOf(
    decodeJsonPoints('{"measurement":"m","fields":{"f":1},"time":"2020-09-13T12:26:40Z"}', OPTIONS),
  );
  assert.equal(point?.timeNs, 1_600_000_000_000_000_000n);
});

test("objects of the first agents are read as well", () => {
  const text = '[{"__name":"h1","__tags":{"__class":"HOST","os":"linux"},"__content":"{}"}]';
  assert.deepEqual(pointsOf(decodeJsonPoints(text, OPTIONS)), [
    { measurement: "HOST", tags: { os: "linux", name: "h1" }, fields: { name: "h1", message: "{}" }, timeNs: 5n },
  ]);
});

test("a bad JSON point is told by its number, and refuses the others", () => {
  const text =
    '[{"measurement":"m","fields":{"f":1}},{"measurement":"m"},{"measurement":"m","fields":{"f":{}}},{"measurement":"m","fields":{}}]';
  const refusal = refusalOf(decodeJsonPoints(text, OPTIONS));
  assert.equal(
    refusal,
    "point 2: fields: expected an object; point 3: fields: expected numbers, texts and truth values; point 4: a point without fields",
  );
  assert.match(refusalOf(decodeJsonPoints("[{", OPTIONS)), /^the body: /);
  assert.match(refusalOf(decodeJsonPoints("[".repeat(100_000), OPTIONS)), /nested/);
  assert.match(refusalOf(decodeJsonPoints('{"measurement":"m","fields":{"__proto__":1}}', OPTIONS)), /usable name/);
});

test("the JSON form of the protobuf messages is read in either spelling", () => {
  const text = `{"arr":[{"name":"m","time":"1600000000000000001","fields":[{"key":"host","s":"h","isTag":true},{"key":"t","s":"v","is_tag":true},
    {"key":"i","i":"-9223372036854775808"},{"key":"u","u":18446744073709551615},{"key":"f","f":1.5},{"key":"b","b":false},{"key":"d","d":"aGk="},
    {"key":"a","a":{"@type":"type.googleapis.com/point.Array","arr":[{"i":"1"},{"i":"2"}]}}]}]}`;
  assert.deepEqual(pointsOf(decodePbJsonPoints(text, OPTIONS)), [
    {
      measurement: "m",
      tags: { host: "h", t: "v" },
      fields: {
        i: -(2n ** 63n),
        u: 2n ** 64n - 1n,
        f: 1.5,
        b: false,
        d: new Uint8Array([104, 105]),
        a: [1n, 2n],
      },
      timeNs: 1600000000000000001n,
    },
  ]);
});

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function encodeExample(): Uint8Array {
  const item = (value: number) => message((w) => w.tag(1, WireType.Varint).int64(value));
  const list = message((w) => {
    for (const value of [1, 2]) w.tag(1, WireType.LengthDelimited).bytes(item(value));
  });
  const any = message((w) =>
    w.tag(1, WireType.LengthDelimited).string("x/Array").tag(2, WireType.LengthDelimited).bytes(list),
  );
  const field = (key: string, write: (w: BinaryWriter) => void) =>
    message((w) => {
      w.tag(1, WireType.LengthDelimited).string(key);
      write(w);
    });
  const fields = [
    field("host", (w) => w.tag(11, WireType.LengthDelimited).string("h").tag(8, WireType.Varint).bool(true)),
    field("i", (w) => w.tag(2, WireType.Varint).int64("-5").tag(10, WireType.LengthDelimited).string("ms")),
    field("u", (w) => w.tag(3, WireType.Varint).uint64("18446744073709551615")),
    field("f", (w) => w.tag(4, WireType.Bit64).double(0.5)),
    field("b", (w) => w.tag(5, WireType.Varint).bool(true)),
    field("d", (w) => w.tag(6, WireType.LengthDelimited).bytes(new Uint8Array([1]))),
    field("a", (w) => w.tag(7, WireType.LengthDelimited).bytes(any)),
  ];
  const point = message((w) => {
    w.tag(1, WireType.LengthDelimited).string("m");
    for (const one of fields) w.tag(2, WireType.LengthDelimited).bytes(one);
    w.tag(3, WireType.Varint).int64("1600000000000000001");
  });
  return message((w) => w.tag(1, WireType.LengthDelimited).bytes(point));
}

test("protobuf points are read with every kind of value", () => {
  assert.deepEqual(pointsOf(decodeProtobufPoints(encodeExample(), OPTIONS)), [
    {
      measurement: "m",
      tags: { host: "h" },
      fields: { i: -5n, u: 2n ** 64n - 1n, f: 0.5, b: true, d: new Uint8Array([1]), a: [1n, 2n] },
      timeNs: 1600000000000000001n,
    },
  ]);
});

test("a body of more values than it may have is refused whole, before they are all read", () => {
  const item = message((w) => w.tag(1, WireType.Varint).int64(1));
  const list = message((w) => {
    for (let count = 0; count < 10_000; count++) w.tag(1, WireType.LengthDelimited).bytes(item);
  });
  const any = message((w) => w.tag(2, WireType.LengthDelimited).bytes(list));
  const field = message((w) =>
    w.tag(1, WireType.LengthDelimited).string("a").tag(7, WireType.LengthDelimited).bytes(any),
  );
  const point = message((w) => {
    for (let count = 0; count < 101; count++) w.tag(2, WireType.LengthDelimited).bytes(field);
  });
  const bodies = [
    decodeProtobufPoints(
      message((w) => w.tag(1, WireType.LengthDelimited).bytes(point)),
      OPTIONS,
    ),
    decodeLines(`m a=[${"1,".repeat(9_999)}1]\n`.repeat(101), OPTIONS),
    decodeLines(`m ${Array.from({ length: 1000 }, (_, n) => `${n}=1`).join()}\n`.repeat(1001), OPTIONS),
    decodeJsonPoints(`[${"{},".repeat(1_600_000)}{}]`, OPTIONS),
    decodePbJsonPoints(`{"arr":[${"0,".repeat(1_600_000)}0]}`, OPTIONS),
  ];
  for (const decoded of bodies) {
    assert.equal(decoded.points, undefined);
    assert.match(
      decoded.points ? "" : describeProblems(decoded),
      /^the body: more than 1000000 fields, tags and items$/,
    );
  }
});

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("no bytes make a decoder throw", () => {
  const random = makeRandom(4711);
  const seeds = [
    encodeExample(),
    Buffer.from('m\\ x,t=v\\,w f=1.5,i=3i,s="a\\"b\\n",l=[1i,2i],d="aGk="b 1600000000000000000\n# c\nm f=t\n'),
    Buffer.from('[{"measurement":"m","tags":{"a":"b"},"fields":{"f":1,"g":[1,"x"]},"time":1600000000000000000}]'),
    Buffer.from('{"arr":[{"name":"m","fields":[{"key":"k","i":"1"},{"key":"a","a":{"arr":[{"s":"x"}]}}],"time":"1"}]}'),
  ];
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(seeds[round % seeds.length] ?? []);
    for (let change = random(4); change >= 0; change--) bytes[random(bytes.length)] = random(256);
    const cut = bytes.subarray(random(8) === 0 ? random(bytes.length) : 0);
    for (const decoded of [
      decodeProtobufPoints(cut, OPTIONS),
      decodeLines(cut, OPTIONS),
      decodeJsonPoints(cut.toString(), OPTIONS),
      decodePbJsonPoints(cut.toString(), OPTIONS),
    ])
      if (!decoded.points) assert.ok(describeProblems(decoded).length > 0);
  }
});
