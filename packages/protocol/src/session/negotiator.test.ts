import fc from "fast-check";
import { describe, test } from "vitest";
import type { Acknowledgment, Acknowledgments } from "../fetch-response.ts";
import { type ObjectId, parseObjectId } from "../object-id.ts";
import { type HaveSource, Negotiator, type NegotiationStyle, type NegotiatorOptions } from "./negotiator.ts";

const STYLES: readonly NegotiationStyle[] = ["stateful", "stateless", "v2"];

function id(number: number): ObjectId {
  return parseObjectId(number.toString(16).padStart(40, "0"));
}

function ids(count: number): ObjectId[] {
  return Array.from({ length: count }, (_, index) => id(index + 1));
}

const NOTHING: Acknowledgments = { acks: [], nak: true, ready: false };

function acked(...acks: readonly Acknowledgment[]): Acknowledgments {
  return { acks, nak: true, ready: false };
}

function common(oid: ObjectId): Acknowledgments {
  return acked({ oid, status: "common" });
}

/** What is said in turn, by the numbers of the haves. */
function conversation(options: NegotiatorOptions, reply: () => Acknowledgments): string[] {
  const negotiator = new Negotiator(options);
  const said: string[] = [];
  for (;;) {
    const round = negotiator.next();
    if (round !== undefined) {
      const haves = round.haves.map((oid) => String(Number.parseInt(oid, 16)));
      said.push([...haves, ...(round.done ? ["done"] : [])].join(" "));
    } else if (negotiator.over) return said;
    else negotiator.answer(reply());
  }
}

/** What is said in turn: how many haves, and whether that was `done`. */
function sizes(options: NegotiatorOptions, reply: (round: number) => Acknowledgments): string[] {
  const negotiator = new Negotiator(options);
  const said: string[] = [];
  for (let turn = 0; turn < 10_000; turn += 1) {
    const round = negotiator.next();
    if (round !== undefined) said.push(`${round.haves.length}${round.done ? " done" : ""}`);
    else if (negotiator.unanswered > 0) negotiator.answer(reply(turn));
    else return said;
  }
  throw new Error("it does not end");
}

describe("Negotiator", () => {
  test.for([
    ["stateful", "16 16 32 32 32 32 32 8 done"],
    ["stateless", "16 16 32 64 72 done"],
    ["v2", "16 32 64 88 0 done"],
  ] as const)("%s: 200 haves go out in portions of %s", ([style, expected], { expect }) => {
    expect(sizes({ style, haves: ids(200) }, () => NOTHING).join(" ")).toBe(expected);
  });

  test.for([
    ["stateless", 16384, 18022],
    ["v2", 16384, 18022],
  ] as const)("%s: portions double up to %d and then grow by a tenth", ([style, large, next], { expect }) => {
    const said = sizes({ style, haves: ids(80_000) }, () => NOTHING).map((text) => Number.parseInt(text, 10));
    // v0 counts its marks from the start of the negotiation, v2 within each request.
    const marks =
      style === "v2" ? said : said.map((_, index) => said.slice(0, index + 1).reduce((a, b) => a + b));
    expect(marks[marks.indexOf(large) + 1]).toBe(next);
  });

  test("stateful: one portion is always under way while the next is written", ({ expect }) => {
    const negotiator = new Negotiator({ style: "stateful", haves: ids(200) });
    const written = (): number => {
      let count = 0;
      while (negotiator.next() !== undefined) count += 1;
      return count;
    };
    expect(written()).toBe(2);
    negotiator.answer(NOTHING);
    expect([written(), negotiator.unanswered]).toEqual([1, 2]);
    negotiator.answer(NOTHING);
    expect([written(), negotiator.unanswered]).toEqual([1, 2]);
  });

  test.for(["stateless", "v2"] as const)(
    "%s: each portion waits for the answer to the last",
    (style, { expect }) => {
      const negotiator = new Negotiator({ style, haves: ids(200) });
      expect([negotiator.next()?.haves.length, negotiator.next()]).toEqual([16, undefined]);
      negotiator.answer(NOTHING);
      expect(negotiator.next()).toBeDefined();
    },
  );

  test.for(STYLES)("%s: no haves at all is done at once", (style, { expect }) => {
    const negotiator = new Negotiator({ style, haves: [] });
    expect([negotiator.next(), negotiator.next(), negotiator.over]).toEqual([
      { haves: [], done: true },
      undefined,
      true,
    ]);
  });

  test.for([
    ["stateful", "16 16 32 32 32 32 32 32 32 32 32 0 done"],
    ["stateless", "16 17 33 65 129 257 1 done"],
    ["v2", "16 33 65 129 257 done"],
  ] as const)("%s: gives up 256 haves after what it learnt last", ([style, expected], { expect }) => {
    let told = false;
    const reply = (): Acknowledgments => {
      if (told) return NOTHING;
      told = true;
      return common(id(3));
    };
    expect(sizes({ style, haves: ids(5000) }, reply).join(" ")).toBe(expected);
  });

  test.for(STYLES)("%s: without a single ACK all of history is told", (style, { expect }) => {
    const negotiator = new Negotiator({ style, haves: ids(3000) });
    while (!negotiator.over) if (negotiator.next() === undefined) negotiator.answer(NOTHING);
    expect(negotiator.sent.size).toBe(3000);
  });

  test("stateless: hearing again what is common is learning nothing, and ends in giving up", ({ expect }) => {
    const said = sizes({ style: "stateless", haves: ids(100_000) }, () => common(id(3)));
    expect(said.join(" ")).toBe("16 17 33 65 129 257 1 done");
  });

  test.for([
    ["stateful", ["17 18 done"]],
    ["stateless", ["1 3 17 18 done"]],
    ["v2", ["1 3 17 18", "1 3 done"]],
  ] as const)(
    "%s: what is common is told again exactly where the server forgets",
    ([style, expected], { expect }) => {
      const said = conversation({ style, haves: ids(18) }, () =>
        acked({ oid: id(1), status: "common" }, { oid: id(3), status: "common" }),
      );
      expect(said.slice(1)).toEqual(expected);
    },
  );

  test("stateless: what follows from something common is not told again, v2 tells it", ({ expect }) => {
    const withStore = (style: NegotiationStyle): string[] => {
      const left = ids(18);
      // A line of commits, newest first: all behind a common one is common.
      let newest = Infinity;
      const haves: HaveSource = {
        next: () => left.shift(),
        common: (oid) => {
          const known = Number.parseInt(oid, 16) > newest;
          newest = Math.min(newest, Number.parseInt(oid, 16));
          return known;
        },
      };
      return conversation({ style, haves }, () =>
        acked({ oid: id(15), status: "common" }, { oid: id(16), status: "common" }),
      ).slice(1);
    };
    expect(withStore("stateless")).toEqual(["15 17 18 done"]);
    expect(withStore("v2")).toEqual(["15 16 17 18", "15 16 done"]);
  });

  test.for([
    ["ready", { acks: [{ oid: id(2), status: "ready" }], nak: true, ready: true }],
    ["a bare ACK", acked({ oid: id(2), status: "final" })],
  ] as const)("%s leaves nothing to say but done", ([, answer], { expect }) => {
    for (const style of ["stateful", "stateless"] as const) {
      const negotiator = new Negotiator({ style, haves: ids(500) });
      while (negotiator.next() !== undefined);
      negotiator.answer(answer);
      expect(negotiator.next()).toMatchObject({ done: true });
      expect([negotiator.next(), negotiator.over]).toEqual([undefined, true]);
    }
  });

  test("an object named with ready is not taken for common: servers name what they lack", ({ expect }) => {
    const negotiator = new Negotiator({ style: "stateless", haves: ids(500) });
    negotiator.next();
    negotiator.answer({
      acks: [
        { oid: id(1), status: "common" },
        { oid: id(2), status: "ready" },
      ],
      nak: true,
      ready: true,
    });
    expect(negotiator.common).toEqual([id(1)]);
    expect(negotiator.next()).toEqual({ haves: [id(1)], done: true });
  });

  test("stops asking after maxRounds", ({ expect }) => {
    expect(sizes({ style: "v2", haves: ids(10_000), maxRounds: 3 }, () => NOTHING)).toEqual([
      "16",
      "32",
      "64",
      "0 done",
    ]);
    expect(sizes({ style: "stateful", haves: ids(10_000), maxRounds: 0 }, () => NOTHING)).toEqual(["0 done"]);
  });

  test.for(STYLES)("%s, at once: all haves and done in one", (style, { expect }) => {
    const said = sizes({ style, haves: ids(5000), strategy: "at-once" }, () => NOTHING);
    expect(said).toEqual(["5000 done"]);
  });

  test("wait-for-done never says done, and never asks about nothing", ({ expect }) => {
    const options = { style: "v2", strategy: "wait-for-done" } as const;
    expect(sizes({ ...options, haves: [] }, () => NOTHING)).toEqual([]);
    expect(sizes({ ...options, haves: ids(48) }, () => NOTHING)).toEqual(["16", "32"]);
    expect(sizes({ ...options, haves: ids(2000) }, () => common(id(1)))).toEqual([
      "16",
      "32",
      "64",
      "128",
      "256",
    ]);
  });

  test("a have is told once however often the source gives it, and the source is released at the end", ({
    expect,
  }) => {
    let released = 0;
    function* haves(): Generator<ObjectId> {
      try {
        for (;;) yield* ids(20);
      } finally {
        released += 1;
      }
    }
    const taken = new Set<ObjectId>();
    const negotiator = new Negotiator({ style: "stateful", haves: haves() });
    for (const oid of negotiator.next()?.haves ?? []) taken.add(oid);
    negotiator.answer({ acks: [], nak: true, ready: true });
    expect([taken.size, negotiator.next(), released]).toEqual([16, { haves: [], done: true }, 1]);
  });

  /** A server that knows some of what it hears, and is ready when it knows enough. */
  interface Peer {
    readonly known: ReadonlySet<number>;
    readonly enough: number;
    readonly mode: "continue" | "common" | "final";
  }

  const peer: fc.Arbitrary<Peer> = fc.record({
    known: fc.uniqueArray(fc.integer({ min: 1, max: 1500 })).map((numbers) => new Set(numbers)),
    enough: fc.integer({ min: 1, max: 20 }),
    mode: fc.constantFrom("continue", "common", "final"),
  });

  test("always ends, tells a stateful server nothing twice, and stays within its portions", ({ expect }) => {
    const plan = fc.record({
      style: fc.constantFrom(...STYLES),
      strategy: fc.constantFrom("rounds", "rounds", "at-once", "wait-for-done"),
      haves: fc.array(fc.integer({ min: 1, max: 1500 }), { maxLength: 1500, size: "max" }),
      maxRounds: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(plan, peer, ({ style, strategy: wished, haves, maxRounds }, { known, enough, mode }) => {
        const strategy = wished === "wait-for-done" && style !== "v2" ? "rounds" : wished;
        const negotiator = new Negotiator({
          style,
          strategy,
          haves: haves.map(id),
          ...(maxRounds === undefined ? {} : { maxRounds }),
        });
        const told = new Set<ObjectId>();
        const unanswered: (readonly ObjectId[])[] = [];
        let agreed = 0;
        let rounds = 0;
        let total = 0;
        let window = 0;
        let done = false;
        for (let turn = 0; turn < 5000 && !(negotiator.over && unanswered.length === 0); turn += 1) {
          const round = negotiator.next();
          if (round === undefined) {
            const heard = unanswered.shift() ?? [];
            const acks = heard
              .filter((oid) => known.has(Number.parseInt(oid, 16)))
              .map((oid): Acknowledgment => ({ oid, status: mode }));
            agreed += acks.length;
            negotiator.answer({ acks, nak: true, ready: mode !== "final" && agreed >= enough });
            continue;
          }
          expect(done).toBe(false);
          done = round.done;
          expect(new Set(round.haves).size).toBe(round.haves.length);
          const fresh = round.haves.filter((oid) => !told.has(oid));
          for (const oid of fresh) told.add(oid);
          total += fresh.length;
          if (style === "stateful") expect(fresh).toEqual(round.haves);
          // Everything repeated was agreed upon.
          const repeated = round.haves.filter((oid) => !fresh.includes(oid));
          for (const oid of repeated) expect(known.has(Number.parseInt(oid, 16))).toBe(true);
          if (strategy !== "at-once") {
            window = nextWindow(style, window);
            expect(style === "v2" ? fresh.length : total).toBeLessThanOrEqual(window);
          }
          if (!round.done) {
            rounds += 1;
            unanswered.push(round.haves);
            expect(unanswered.length).toBeLessThanOrEqual(style === "stateful" ? 2 : 1);
          } else unanswered.length = 0;
        }
        expect(negotiator.over).toBe(true);
        expect(done).toBe(strategy !== "wait-for-done");
        expect(negotiator.next()).toBeUndefined();
        expect(rounds).toBeLessThanOrEqual(maxRounds ?? Infinity);
        expect(new Set(negotiator.common).isSubsetOf(told)).toBe(true);
        expect(negotiator.sent).toEqual(told);
      }),
    );
  });
});

/** The marks, said differently than the code says them. */
function nextWindow(style: NegotiationStyle, window: number): number {
  if (window === 0) return 16;
  return style === "stateful" && window >= 32 ? window + 32 : window * 2;
}
