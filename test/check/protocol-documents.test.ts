/** What the documents of the protocol package name is there, and what is there is named. */

import * as protocol from "@gitsync/protocol";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { exists, filesOf, readText } from "./repository.ts";

const SOURCE = "packages/protocol/src";

/** Exported names with the file that declares them, types included. */
const exported = new Map(
  [
    ...readText(`${SOURCE}/index.ts`).matchAll(/^export (?:type )?\{([^}]*)\} from "\.\/([^"]+)";/gmu),
  ].flatMap(([, names = "", file = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().replace(/^type /u, ""))
      .filter((name) => name !== "")
      .map((name) => [name, `${SOURCE}/${file}`] as const),
  ),
);

/** The names that ocaml-git 2.1.3 documents: `smart.mli`, signatures COMMON, DECODER, ENCODER and CLIENT. */
const MESSAGES: Readonly<Record<string, string>> = {
  advertised_refs: "shallow refs capabilities",
  shallow_update: "shallow unshallow",
  acks: "shallow unshallow acks",
  negociation_result: "",
  pack: "",
  report_status: "unpack commands",
  upload_request: "want capabilities shallow deep",
  request_command: "",
  git_proto_request: "pathname host request_command",
  command: "",
  push_certificate: "pusher pushee nonce options commands gpg",
  update_request: "shallow requests capabilities",
  http_upload_request: "want capabilities shallow deep has",
};
const CONSTRUCTORS =
  "hash reference NAK ACK ERR Raw Out Err Upload_pack Receive_pack Upload_archive Create Delete Update";
const DECODER =
  "decoder extract_payload decode of_string state error pp_error Expected_char Unexpected_char Unexpected_flush_pkt_line No_assert_predicate Expected_string Unexpected_empty_pkt_line Malformed_pkt_line Unexpected_end_of_input Unexpected_pkt_line Unexpected_hashes HttpReferenceDiscovery ReferenceDiscovery ShallowUpdate Negociation NegociationResult PACK ReportStatus HttpReportStatus Upload_request Git_proto_request Update_request ack_mode flow side_band";
const ENCODER =
  "encoder encode to_string set_pos free GitProtoRequest UploadRequest HttpUploadRequest Advertised_refs Shallow_update Negociation Negociation_result Report_status UpdateRequest HttpUpdateRequest Has Done Flush Shallow PACK";
const CLIENT =
  "context capabilities set_capabilities encode decode run process result pp_result action Refs ShallowUpdate Negociation NegociationResult PACK Flush Nothing ReadyPACK ReportStatus SmartError GitProtoRequest UploadRequest UpdateRequest Has Done Shallow ReceivePACK SendPACK FinishPACK";

/** Rows of a section of a page: names in the first column, and in the second. */
function rows(
  page: string,
  heading: string,
): { readonly theirs: string; readonly ours: readonly string[] }[] {
  const [, section = ""] = page.split(`\n## ${heading}`);
  return (section.split("\n## ")[0] ?? "").split("\n").flatMap((line) => {
    const [, first = "", second = ""] = line.split("|");
    const [, theirs] = /^ `([^`]+)` $/u.exec(first) ?? [];
    return theirs === undefined ? [] : [{ theirs, ours: namesIn(second) }];
  });
}

function namesIn(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gmu, "");
  return [...prose.matchAll(/`([^`\n]+)`/gu)].map(([, name = ""]) => name);
}

describe("docs/seed-map.md", () => {
  // The page's second half is the engine's.
  const [page = ""] = readText("docs/seed-map.md").split("\n# From the Go library");
  const types = Object.keys(MESSAGES);

  test.for([
    [
      "Messages",
      [
        ...CONSTRUCTORS.split(" "),
        ...Object.entries(MESSAGES).flatMap(([type, fields]) => [
          type,
          ...fields.split(" ").flatMap((field) => (field === "" ? [] : [`${type}.${field}`])),
        ]),
      ],
    ],
    ["Printers", [...types.map((type) => `pp_${type}`), ...types.map((type) => `equal_${type}`)]],
    ["Reading", DECODER.split(" ")],
    ["Writing", ENCODER.split(" ")],
    ["A conversation", CLIENT.split(" ")],
  ] as const)("%s: every name there has its row", ([heading, names]) => {
    expect(
      rows(page, heading)
        .map(({ theirs }) => theirs)
        .sort(),
    ).toEqual([...names].sort());
  });

  test("every name of ours is an export, or a member of one", () => {
    const strangers = ["Messages", "Printers", "Reading", "Writing", "A conversation"]
      .flatMap((heading) => rows(page, heading))
      .flatMap(({ ours }) => ours)
      .filter((name) => {
        const [owner = "", member] = name.split(".");
        const file = exported.get(owner);
        return file === undefined || (member !== undefined && !declares(file, owner, member));
      });
    expect(strangers).toEqual([]);
  });

  test("every error code named is one", () => {
    const codes = new Set(protocol.PROTOCOL_ERROR_CODES);
    const named = namesIn(page).filter((name) => /^[A-Z]+_[A-Z_]+$/u.test(name) && name !== "FLUSH_PKT");
    expect(named.filter((name) => !codes.has(name))).toEqual([]);
  });
});

/** Has `owner`, declared in `file`, this member, or one of what it extends? */
function declares(file: string, owner: string, member: string): boolean {
  const text = readText(file);
  const [, extended, body = ""] =
    new RegExp(
      String.raw`^export (?:abstract )?(?:interface|class|type) ${owner}\b[^\n{]*?(?:extends ([\w, <>"|]+?))? ?(?:implements [^{]+)?\{$([\s\S]*?)^\}`,
      "mu",
    ).exec(text) ?? [];
  if (new RegExp(String.raw`^ {2}(?:readonly |get )?${member}\b`, "mu").test(body)) return true;
  return (extended?.match(/\w+/gu) ?? []).some((parent) => {
    const parentFile = exported.get(parent);
    return parentFile !== undefined && declares(parentFile, parent, member);
  });
}

describe("docs/protocol.md", () => {
  const page = readText("docs/protocol.md");

  test("every file and folder named is there", () => {
    const named = namesIn(page).filter((name) => /^[\w./-]+(?:\.ts|\/)$/u.test(name));
    const missing = named.filter(
      (name) =>
        ![name, `${SOURCE}/${name}`, `packages/protocol/${name}`].some((path) => exists(path)) &&
        !filesOf(`${SOURCE}/**/${name}`).some((path) => posix.basename(path) === name),
    );
    expect(named.length).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });

  test("every source file is named, or lies in a folder that is", () => {
    const named = new Set(namesIn(page));
    const isNamed = (path: string): boolean =>
      named.has(path) || named.has(posix.basename(path)) || named.has(`${posix.dirname(path)}/`);
    const sources = filesOf(`${SOURCE}/**/*.ts`)
      .map((path) => path.slice(SOURCE.length + 1))
      .filter((path) => !/\.test\.ts$|^testing\/|^index\.ts$/u.test(path));
    expect(sources.filter((path) => !isNamed(path))).toEqual([]);
  });
});

describe("@gitsync/protocol", () => {
  test("every public name says what it is, where it is declared", () => {
    const silent = [...exported].filter(([name, file]) => {
      const text = readText(file);
      const declaration = new RegExp(
        String.raw`\*/\nexport (?:abstract |async )?(?:class|const|function\*?|interface|type) ${name}\b`,
        "u",
      );
      return !declaration.test(text);
    });
    expect(silent.map(([name]) => name)).toEqual([]);
  });

  test("every name that reads or writes the wire names its git document", () => {
    // These two are for messages of every kind, and what accompanies a command is V2Command's.
    const general = new Set(["MessageDecoder", "decodeMessage", "V2Session"]);
    const wire = [...exported].filter(
      ([name]) =>
        /^(?:(?:decode|encode)[A-Z]|[A-Z].*(?:Decoder|Encoder|Session|Server)$)/u.test(name) &&
        !general.has(name),
    );
    const unfounded = wire.filter(([name, file]) => {
      const [, docstring = ""] =
        new RegExp(
          String.raw`/\*\*((?:(?!\*/)[\s\S])*)\*/\nexport (?:abstract )?(?:class|function|interface) ${name}\b`,
          "u",
        ).exec(readText(file)) ?? [];
      return !/git[a-z0-9-]*\([157]\)|RFC \d/u.test(docstring);
    });
    expect(unfounded.map(([name]) => name)).toEqual([]);
  });
});
