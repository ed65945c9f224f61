/** Certificates for a few days, made by openssl: an authority, and what it signed for this machine. */

import { requireCommand } from "./commands.ts";
import { outcomeOf, startProcess } from "./process.ts";
import type { TemporaryFolder } from "./temporary-folder.ts";

/** Paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** An authority of its own, and a certificate for 127.0.0.1 and localhost, or for a client by that name. */
export async function makeCertificates(
  folder: TemporaryFolder,
  label: string,
  subject = "127.0.0.1",
): Promise<Certificates> {
  const path = (name: string): string => folder.join(`${label}-${name}.pem`);
  const [authority, authorityKey] = [path("authority"), path("authority-key")];
  const [certificate, key] = [path("certificate"), path("key")];
  await request(authority, authorityKey, `/CN=${label} authority`, [
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-addext",
    "keyUsage=critical,keyCertSign",
  ]);
  await request(certificate, key, `/CN=${subject}`, [
    "-CA",
    authority,
    "-CAkey",
    authorityKey,
    "-addext",
    "subjectAltName=IP:127.0.0.1,DNS:localhost",
    "-addext",
    "basicConstraints=critical,CA:FALSE",
  ]);
  return { authority, certificate, key };
}

async function request(
  certificate: string,
  key: string,
  subject: string,
  more: readonly string[],
): Promise<void> {
  const made = await outcomeOf(
    startProcess(requireCommand("openssl"), [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-noenc",
      "-days",
      "3",
      "-config",
      "/dev/null",
      "-subj",
      subject,
      "-keyout",
      key,
      "-out",
      certificate,
      ...more,
    ]),
  );
  if (made.code !== 0) throw new Error(`openssl failed: ${made.stderr}`);
}
