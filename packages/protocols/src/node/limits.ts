/** What a decoder accepts. Beyond a limit a frame is refused whole, but where a comment says otherwise. */
export const NODE_LIMITS = {
  /** The listener closes with 1009 above this many bytes; the codec refuses above as many UTF-16 units. */
  frameBytes: 16 * 1024 * 1024,
  /** Frames longer than this are measured before they are parsed, since their parsed form may be far larger. */
  measuredLength: 64 * 1024,
  depth: 32,
  /** Values, keys and items of one frame. */
  elements: 1_000_000,
  /** Keys of one frame: twice what the largest of ours has. */
  keys: 100_000,
  /** Envelope ids are echoed. */
  idLength: 1024,
  nodeIdLength: 256,
  commandIdLength: 256,
  /** Hostnames, versions and other short words. */
  wordLength: 1024,
  /** Reasons and messages for people. */
  sentenceLength: 8192,
  addresses: 64,
  /** Journaled runs in one register. */
  runs: 10_000,
  /** Pieces of output in one frame. */
  chunks: 10_000,
  /** Left out at one place of an output; more counts as so many. */
  cutBytes: 2 ** 40,
  /** Samples in one frame. */
  rows: 10_000,
  /** Cores, filesystems, disks or networks of a host; further ones are left out. */
  parts: 1024,
  /** Characters of all names in one detail; parts that do not fit are left out, since a server keeps every host's newest. */
  detailText: 64 * 1024,
  /** A configuration, a sample or what a dry run of an input wrote. */
  inputText: 512 * 1024,
  argv: 1000,
  env: 1000,
} as const;
