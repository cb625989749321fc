// Keys, sessions (RFC 7523) and requests: what the generated clients stand on. Web standards only (fetch, Web Crypto): browsers, Node 20, Deno, Bun.
//
// A `Connection` logs in when a session is first needed, and again when it is over. A refusal is a `ServiceError` with the problem document (RFC 9457).

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** What is before the 32 bytes of a key in its PKCS#8 form. */
const PKCS8 = {
  es256: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
  ed25519: "302e020100300506032b657004220420",
};

/** The service refused. `code` is stable; `problem` is the whole document. */
export class ServiceError extends Error {
  readonly code: string;

  constructor(
    readonly status: number,
    readonly problem: Record<string, unknown>,
  ) {
    super(`${status} ${String(problem.code ?? "")}: ${String(problem.detail ?? "")}`);
    this.code = String(problem.code ?? "");
  }
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function base64(data: Uint8Array | string): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A signing key, ES256 or Ed25519. */
export class Key {
  private constructor(
    readonly alg: "es256" | "ed25519",
    private readonly secret: CryptoKey,
  ) {}

  /** Reads the content of a file of `xiezhi account key`, or the first key of an account's file, that is not sealed with a passphrase. */
  static async fromFile(content: string): Promise<Key> {
    const whole = JSON.parse(content) as { alg: string; seed: string; keys?: { alg: string; seed: string }[] };
    const file = whole.keys?.[0] ?? whole;
    if (file.alg !== "es256" && file.alg !== "ed25519") {
      throw new Error(`${file.alg}: es256 or ed25519 is needed`);
    }
    const how = file.alg === "es256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "Ed25519" };
    const secret = await crypto.subtle.importKey("pkcs8", fromHex(PKCS8[file.alg] + file.seed), how, false, ["sign"]);
    return new Key(file.alg, secret);
  }

  /** The signature over `message`, 64 bytes. */
  async sign(message: string): Promise<Uint8Array> {
    const how = this.alg === "es256" ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
    return new Uint8Array(await crypto.subtle.sign(how, this.secret, new TextEncoder().encode(message)));
  }

  /** A JSON Web Token that says who the client is, good for a minute and for one session. */
  async assertion(client: string, audience: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: this.alg === "es256" ? "ES256" : "EdDSA", typ: "JWT" };
    const claims = { iss: client, sub: client, aud: audience, iat: now, exp: now + 60, jti: crypto.randomUUID() };
    const message = `${base64(JSON.stringify(header))}.${base64(JSON.stringify(claims))}`;
    return `${message}.${base64(await this.sign(message))}`;
  }
}

type Values = Record<string, unknown>;

/** What a request has beside its method and address. */
export interface Ask {
  path?: Values;
  query?: Values;
  header?: Values;
  body?: unknown;
  contentType?: string;
  accept?: string;
  /** False where no session is needed. */
  session?: boolean;
}

/** What an answer is read as. */
export type Kind = "json" | "bytes" | "text" | "headers" | "none";

/** Requests to the service at `url`, as `client` with `key` where a session is needed; problems come in `language` (`en`, `zh-CN`). */
export class Connection {
  private granted = { token: "", until: 0 };
  private readonly url: string;

  constructor(
    url: string,
    private readonly client = "",
    private readonly key?: Key,
    private readonly language = "en",
  ) {
    this.url = url.replace(/\/$/, "");
  }

  /** A session's token that is good for half a minute at least. */
  async token(): Promise<string> {
    if (Date.now() < this.granted.until - 30_000) {
      return this.granted.token;
    }
    if (this.key === undefined) {
      throw new Error("a session needs a client and its key");
    }
    const body = {
      grant_type: "client_credentials",
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await this.key.assertion(this.client, `${this.url}/v1/token`),
    };
    const ask = { body, contentType: "application/x-www-form-urlencoded", session: false };
    const answer = await this.call<{ access_token: string; expires_in: number }>("POST", "/v1/token", "json", ask);
    this.granted = { token: answer.access_token, until: Date.now() + answer.expires_in * 1000 };
    return this.granted.token;
  }

  /** Sends a request; its answer as `kind` says. */
  async call<T>(method: string, target: string, kind: Kind, ask: Ask): Promise<T> {
    const answer = await this.send(method, target, ask);
    switch (kind) {
      case "json":
        return (await answer.json()) as T;
      case "bytes":
        return new Uint8Array(await answer.arrayBuffer()) as T;
      case "text":
        return (await answer.text()) as T;
      case "headers":
        return answer.headers as T;
      default:
        return undefined as T;
    }
  }

  /** The data of server-sent events, until the stream ends. */
  async *events<T>(method: string, target: string, ask: Ask): AsyncGenerator<T> {
    const answer = await this.send(method, target, ask);
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          return;
        }
        const parts = (text + value.replaceAll("\r", "")).split("\n\n");
        text = parts.pop() ?? "";
        for (const part of parts) {
          const data = part.split("\n").filter((line) => line.startsWith("data:"));
          if (data.length > 0) {
            yield JSON.parse(data.map((line) => line.slice(5).replace(/^ /, "")).join("\n")) as T;
          }
        }
      }
    } finally {
      // Whoever has seen enough leaves the loop: the stream ends too.
      await reader.cancel();
    }
  }

  private async send(method: string, target: string, ask: Ask): Promise<Response> {
    let address = this.url + target;
    for (const [name, value] of Object.entries(ask.path ?? {})) {
      address = address.replace(`{${name}}`, encodeURIComponent(String(value)));
    }
    const said = Object.entries(ask.query ?? {}).filter(([, value]) => value !== undefined && value !== null);
    if (said.length > 0) {
      address += `?${new URLSearchParams(said.map(([name, value]) => [name, String(value)]))}`;
    }
    const headers = new Headers({ "Accept-Language": this.language });
    for (const [name, value] of Object.entries(ask.header ?? {})) {
      if (value !== undefined && value !== null) {
        headers.set(name, String(value));
      }
    }
    if (ask.accept) {
      headers.set("Accept", ask.accept);
    }
    if (ask.session ?? true) {
      headers.set("Authorization", `Bearer ${await this.token()}`);
    }
    let body: BodyInit | undefined;
    if (ask.body !== undefined && ask.contentType !== undefined) {
      headers.set("Content-Type", ask.contentType);
      if (ask.contentType === "application/x-www-form-urlencoded") {
        body = new URLSearchParams(ask.body as Record<string, string>).toString();
      } else {
        body = ask.body instanceof Uint8Array ? (ask.body as Uint8Array<ArrayBuffer>) : JSON.stringify(ask.body);
      }
    }
    const answer = await fetch(address, { method, headers, body });
    if (!answer.ok) {
      const problem: unknown = await answer.json().catch(() => ({}));
      throw new ServiceError(answer.status, (problem ?? {}) as Record<string, unknown>);
    }
    return answer;
  }
}
