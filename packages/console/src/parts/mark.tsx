import type { ReactNode } from "react";

/** The four states, the accent for what is on the way, and nothing else. */
export type Tone = "ok" | "attention" | "wrong" | "unknown" | "accent";
export type Shape = "disc" | "ring" | "triangle" | "cross" | "tick" | "play" | "clock" | "slash" | "question" | "dots";

const SHAPES: Readonly<Record<Shape, ReactNode>> = {
  disc: <circle cx="6" cy="6" r="4.5" fill="currentColor" stroke="none" />,
  ring: <circle cx="6" cy="6" r="4" />,
  triangle: <path d="M6 1.6 11 10.4H1Z" fill="currentColor" />,
  cross: <path d="m2.5 2.5 7 7m0-7-7 7" />,
  tick: <path d="m1.8 6.4 2.9 2.9 5.5-6.4" />,
  play: <path d="M3.2 1.8v8.4L10.2 6Z" fill="currentColor" />,
  clock: (
    <>
      <circle cx="6" cy="6" r="4.6" />
      <path d="M6 3.4V6l1.8 1.4" />
    </>
  ),
  slash: (
    <>
      <circle cx="6" cy="6" r="4.6" />
      <path d="m3 9 6-6" />
    </>
  ),
  question: (
    <>
      <path d="M3.6 4.2a2.4 2.4 0 1 1 3.3 2.2C6.2 6.7 6 7.1 6 7.8" />
      <path d="M6 10.2v.1" />
    </>
  ),
  dots: (
    <>
      <circle cx="2.4" cy="6" r="1.2" fill="currentColor" stroke="none" />
      <circle cx="6" cy="6" r="1.2" fill="currentColor" stroke="none" />
      <circle cx="9.6" cy="6" r="1.2" fill="currentColor" stroke="none" />
    </>
  ),
};

/** A state as a shape in its colour; the word stands beside it. */
export function Mark({ tone, shape, size = 12 }: { tone: Tone; shape: Shape; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 12 12"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      style={{ color: `var(--m-${tone}-fill)`, flex: "none" }}
      aria-hidden="true"
    >
      {SHAPES[shape]}
    </svg>
  );
}
