/** How credentials and secrets are written in a mirrors file. */

const url = { type: "string", minLength: 1, maxLength: 8_192 } as const;

/** How a secret is named in the file. */
export const secretReferenceSchema = {
  type: "object",
  title: "Where a secret is kept: exactly one of env, file and command",
  properties: {
    env: {
      type: "string",
      pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
      description: "name of an environment variable",
    },
    file: { type: "string", minLength: 1, description: "path of a file; one newline at its end is dropped" },
    command: {
      type: "array",
      minItems: 1,
      maxItems: 100,
      items: { type: "string", maxLength: 8_192 },
      description:
        "a program and its arguments, run without a shell; what it prints is the secret, one newline at its end is dropped",
    },
  },
  additionalProperties: false,
} as const;

const origins = {
  type: "array",
  minItems: 1,
  maxItems: 1_000,
  items: url,
  description: "where the credential may be shown: scheme, host and port, for ssh with the user",
  examples: [["https://example.com"], ["ssh://git@backup.example.com"]],
} as const;

const basicCredential = {
  type: "object",
  title: "User name and password or token",
  properties: {
    type: { type: "string", enum: ["basic"], description: "a user name with a password or token" },
    origins,
    username: {
      type: "string",
      minLength: 1,
      maxLength: 256,
      default: "git",
      description: "what the host expects beside the token",
    },
    token: { ...secretReferenceSchema, description: "the password or token" },
  },
  required: ["type", "origins", "token"],
  additionalProperties: false,
} as const;

const githubAppCredential = {
  type: "object",
  title: "An installation of a GitHub App",
  properties: {
    type: { type: "string", enum: ["github-app"], description: "an installation of a GitHub App" },
    origins,
    appId: { type: "integer", minimum: 1, description: "the App ID on the app's page" },
    installationId: {
      type: "integer",
      minimum: 1,
      description: "the number at the end of the installation's address",
    },
    privateKey: { ...secretReferenceSchema, description: "the app's private key, PEM" },
    apiUrl: {
      ...url,
      description:
        "where tokens are asked for; default https://api.github.com, or ORIGIN/api/v3 for other hosts",
    },
  },
  required: ["type", "origins", "appId", "installationId", "privateKey"],
  additionalProperties: false,
} as const;

const sshCredential = {
  type: "object",
  title: "A private key, and the host keys that are believed",
  properties: {
    type: { type: "string", enum: ["ssh"], description: "a key, and the host keys that are believed" },
    origins,
    privateKey: { ...secretReferenceSchema, description: "OpenSSH or PEM, without a passphrase" },
    knownHosts: { ...secretReferenceSchema, description: "lines as in ~/.ssh/known_hosts" },
  },
  required: ["type", "origins", "privateKey", "knownHosts"],
  additionalProperties: false,
} as const;

/** `credentials:` of a mirrors file. */
export const credentialsSchema = {
  type: "object",
  title: "Credentials by name; a credential works for its origins only",
  additionalProperties: { anyOf: [basicCredential, githubAppCredential, sshCredential] },
} as const;
