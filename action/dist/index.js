// Written by tools/build-action.ts from action/main.ts: npm run action

// client/errors.ts
var TokenBrokerError = class extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "TokenBrokerError";
  }
};
var RefusedByBroker = class extends TokenBrokerError {
  /** The OAuth error code, such as `invalid_target`. */
  error;
  /** Under it, who runs the broker finds the reason. */
  decision_id;
  constructor(message, error, decision_id) {
    super(message);
    this.name = "RefusedByBroker";
    this.error = error;
    this.decision_id = decision_id;
  }
};
var TemporaryError = class extends TokenBrokerError {
  /** Milliseconds that the other side asks us to wait (RFC 9110 section 10.2.3). */
  retryAfter;
  constructor(message, retryAfter = 0) {
    super(message);
    this.name = "TemporaryError";
    this.retryAfter = retryAfter;
  }
};

// lib/protocol/urns.ts
var TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
var ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token";
var JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt";
var AWS_CREDENTIALS_TYPE = "urn:token-broker:token-type:aws-credentials";

// client/json-object.ts
function parseJsonObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : void 0;
  } catch {
    return void 0;
  }
}

// client/issued.ts
var opaque = /^[\x21-\x7e]+$/;
var timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
var LONGEST_LIFETIME = 24 * 3600;
function readTokenResponse(body, received_at) {
  const { issued_token_type, access_token, token_type, expires_in, scope } = body;
  if (typeof access_token !== "string") return void 0;
  if (issued_token_type === AWS_CREDENTIALS_TYPE) {
    const credentials = readProcessDocument(parseJsonObject(access_token));
    if (credentials === void 0) return void 0;
    if (typeof expires_in !== "number" || !(expires_in >= 0 && expires_in <= LONGEST_LIFETIME)) return void 0;
    const expires_at = Math.floor(Math.min(Date.parse(credentials.Expiration) / 1e3, received_at + expires_in));
    return { issued_token_type, credentials: { ...credentials, Expiration: toTimestamp(expires_at) }, expires_at };
  }
  if (issued_token_type !== ACCESS_TOKEN_TYPE || !opaque.test(access_token)) return void 0;
  if (typeof token_type !== "string" || token_type.toLowerCase() !== "bearer") return void 0;
  if (typeof expires_in !== "number" || !(expires_in > 0 && expires_in <= LONGEST_LIFETIME)) return void 0;
  if (scope !== void 0 && typeof scope !== "string") return void 0;
  return {
    issued_token_type,
    access_token,
    token_type: "Bearer",
    expires_at: received_at + expires_in,
    ...scope === void 0 ? {} : { scope }
  };
}
function readProcessDocument(document = {}) {
  const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } = document;
  if (Version !== 1 || !isOpaque(AccessKeyId) || !isOpaque(SecretAccessKey) || !isOpaque(SessionToken)) return void 0;
  if (typeof Expiration !== "string" || !timestamp.test(Expiration) || !isTime(Expiration)) return void 0;
  return { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration };
}
function isTime(text) {
  const milliseconds = Date.parse(text);
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().slice(0, 19) === text.slice(0, 19);
}
function toTimestamp(seconds) {
  return new Date(seconds * 1e3).toISOString().replace(".000Z", "Z");
}
function isOpaque(value) {
  return typeof value === "string" && opaque.test(value);
}
function secretsOf(issued) {
  if (issued.issued_token_type !== AWS_CREDENTIALS_TYPE) return [issued.access_token];
  const { AccessKeyId, SecretAccessKey, SessionToken } = issued.credentials;
  return [SecretAccessKey, SessionToken, AccessKeyId];
}

// lib/protocol/one-line.ts
function toOneLine(text) {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0).toString(16)}}`
  ).replaceAll("##[", "# #[");
}

// client/printable.ts
var secret = /[\w~+/=-]{32,}/g;
var partOfToken = /[\w~+=-]{32,}/g;
function printable(text) {
  return toOneLine(text.slice(0, 500).replaceAll(secret, "[removed]"));
}
function printablePath(path) {
  return toOneLine(path.slice(0, 500).replaceAll(partOfToken, "[removed]"));
}

// client/request.ts
var MAX_BYTES = 256 * 1024;
async function request(url, { name: name3, timeout: timeout2, ...init }) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), timeout2);
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: patience.signal });
    const { status, headers } = response;
    return { status, headers, text: await readText(response, name3) };
  } catch (error) {
    if (error instanceof TokenBrokerError) throw error;
    if (patience.signal.aborted)
      throw new TemporaryError(`${name3} did not answer within ${Math.ceil(timeout2 / 1e3)} s${proxyHint()}`);
    const { code } = error.cause ?? {};
    throw new TemporaryError(
      `${name3} could not be reached${typeof code === "string" ? ` (${code})` : ""}${proxyHint()}`
    );
  } finally {
    clearTimeout(timer);
    patience.abort();
  }
}
function proxyHint() {
  const { HTTPS_PROXY, https_proxy, NODE_USE_ENV_PROXY } = process.env;
  if (!(HTTPS_PROXY || https_proxy) || NODE_USE_ENV_PROXY === "1") return "";
  return "; HTTPS_PROXY is used only with NODE_USE_ENV_PROXY=1, on Node 24";
}
async function readText(response, name3) {
  const chunks = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw new TokenBrokerError(`${name3} answered more than ${MAX_BYTES / 1024} KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

// client/retry.ts
var limits = { attempts: 5, total: 3e4, firstPause: 250, longestPause: 5e3 };
async function retry(work, ports) {
  const end = ports.now() + limits.total;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(Math.max(end - ports.now(), limits.firstPause));
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error;
      const longest = Math.min(limits.longestPause, limits.firstPause * 2 ** (attempt - 1));
      const pause = error.retryAfter + ports.random() * longest;
      if (attempt === limits.attempts || ports.now() + pause >= end) throw gaveUp(error, attempt);
      await ports.sleep(pause);
    }
  }
}
function gaveUp({ message, retryAfter }, attempts) {
  return new TemporaryError(attempts === 1 ? message : `${message}, tried ${attempts} times`, retryAfter);
}
function parseRetryAfter(value, now) {
  if (value === null) return 0;
  const wait = /^\d+$/.test(value) ? Number(value) * 1e3 : Date.parse(value) - now;
  return wait > 0 ? wait : 0;
}

// client/token-claims.ts
function describeSubject(token) {
  const { iss, sub, aud, exp } = claimsOf(token) ?? {};
  const date = new Date(typeof exp === "number" ? exp * 1e3 : NaN);
  const expires = Number.isNaN(date.getTime()) ? exp : date.toISOString();
  return Object.entries({ iss, sub, aud, exp: expires }).map(([claim, value]) => `${claim} ${shownClaim(value)}`).join(", ");
}
function shownClaim(value) {
  return toOneLine((JSON.stringify(value) ?? "absent").slice(0, 200));
}
function claimsOf(token) {
  return parseJsonObject(payloadBytes(token).toString("utf8"));
}
function payloadBytes(token) {
  return Buffer.from(token.split(".")[1] ?? "", "base64url");
}

// client/exchange.ts
var timeout = 12e3;
async function exchange(asked, source, ports) {
  let unanswered;
  return retry(async (left) => {
    const subject_token = await source.token(left).catch((error) => {
      throw unanswered === void 0 ? error : afterUnanswered(error, unanswered, source);
    });
    const now = ports.now();
    try {
      return readAnswer(await post(asked, subject_token, Math.min(timeout, left)), asked, now);
    } catch (error) {
      if (error instanceof TemporaryError) unanswered = error.message;
      if (!(error instanceof RefusedByBroker)) throw error;
      const { error: code, decision_id } = error;
      const lines = [error.message, ...whatToLookAt(code, subject_token, source)];
      if (decision_id !== void 0) lines.push("Who runs the broker finds the reason under the id of the decision.");
      if (unanswered !== void 0 && !source.fresh)
        lines.push(`The token may be spent by what was tried before: ${unanswered}`);
      throw new RefusedByBroker(lines.join("\n"), code, decision_id);
    }
  }, ports);
}
function afterUnanswered(error, unanswered, { name: name3 }) {
  const problem = error instanceof TokenBrokerError ? error.message : `${name3} gave no other token`;
  const message = `${problem}
It was needed again because of what was tried before: ${unanswered}`;
  return error instanceof TemporaryError ? new TemporaryError(message, error.retryAfter) : new TokenBrokerError(message, { cause: error });
}
function post({ broker, target, scope }, subject_token, timeout2) {
  const form = new URLSearchParams({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token,
    subject_token_type: JWT_TYPE,
    audience: target,
    ...scope === void 0 ? {} : { scope }
  });
  return request(`${broker}/token`, {
    name: nameOf(broker),
    timeout: timeout2,
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: form.toString()
  });
}
function readAnswer({ status, headers, text }, { broker }, now) {
  const body = parseJsonObject(text);
  if (status === 200) {
    const issued = body && readTokenResponse(body, Math.floor(now / 1e3));
    if (issued === void 0) throw new TokenBrokerError(`${nameOf(broker)} answered no token: ${isItTheBroker}`);
    if (issued.expires_at * 1e3 <= now)
      throw new TokenBrokerError(`${nameOf(broker)} answered what had ended: look at the clock of this machine`);
    return issued;
  }
  const decision_id = headers.get("x-decision-id") ?? void 0;
  const said = body && describeError(body, decision_id);
  if (status === 429 || status >= 500)
    throw new TemporaryError(
      `${nameOf(broker)} answered ${status}${said === void 0 ? "" : ` (${said})`}`,
      parseRetryAfter(headers.get("retry-after"), now)
    );
  if (said === void 0) throw new TokenBrokerError(`${nameOf(broker)} answered ${status}: ${isItTheBroker}`);
  throw new RefusedByBroker(`${nameOf(broker)} refused: ${said}`, printable(String(body?.error)), decision_id);
}
var isItTheBroker = "is that the URL of a token-broker?";
function nameOf(broker) {
  return `the broker at ${broker}`;
}
function describeError(body, decision_id) {
  const { error, error_description: description } = body;
  if (typeof error !== "string") return void 0;
  const said = typeof description === "string" ? `${error}: ${description}` : error;
  const known2 = decision_id === void 0 || said.includes(decision_id);
  return printable(known2 ? said : `${said} (decision ${decision_id})`);
}
function whatToLookAt(code, subject_token, { name: name3, fresh }) {
  const once = fresh ? "" : "; and unless the issuer has replay: off, a token can be traded once";
  const advice = (/* @__PURE__ */ new Map([
    [
      "invalid_request",
      `Compare it with issuers and rules in broker.yaml: iss, a single aud, exp, what the rules match${once}.`
    ],
    ["invalid_target", "Compare it, and the name of the target, with targets and rules in broker.yaml."],
    ["invalid_scope", "Compare the scopes with what the rules grant; without any, all that is granted is issued."]
  ])).get(code);
  return [`The token from ${name3} has ${describeSubject(subject_token)}.`, ...advice === void 0 ? [] : [advice]];
}

// client/ports.ts
import { setTimeout as setTimeout2 } from "node:timers/promises";
var thisMachine = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (milliseconds) => setTimeout2(milliseconds)
};
var unattended = {
  ...thisMachine,
  sleep: (milliseconds) => setTimeout2(milliseconds, void 0, { ref: false })
};

// client/workflow-command.ts
function addMask(secret2) {
  return `::add-mask::${escapeData(secret2)}
`;
}
function escapeData(text) {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

// action/explain-refusal.ts
var telling = [
  "repository",
  "repository_id",
  "repository_owner_id",
  "repository_visibility",
  "event_name",
  "ref",
  "ref_protected",
  "environment",
  "workflow_ref",
  "job_workflow_ref",
  "runner_environment"
];
var MAX_CLAIMS = 60;
function explainRefusal({ message, decision_id }, subject_token, audience) {
  return [
    message,
    "",
    ...audience === void 0 ? [] : [`The audience asked of GitHub: ${toOneLine(audience)}`],
    "The claims of the token:",
    ...describeClaims(subject_token).map((line) => `    ${line}`),
    ...decision_id === void 0 ? [] : ["", `Send who runs the broker the decision id ${printable(decision_id)}`]
  ].join("\n");
}
function describeClaims(subject_token) {
  const claims = claimsOf(subject_token) ?? {};
  const names = [.../* @__PURE__ */ new Set([...telling, ...Object.keys(claims)])];
  const lines = names.slice(0, MAX_CLAIMS).map((name3) => `${toOneLine(name3.slice(0, 200))}: ${shownClaim(claims[name3])}`);
  return names.length > MAX_CLAIMS ? [...lines, `... and ${names.length - MAX_CLAIMS} more`] : lines;
}

// action/find-job-token.ts
import { readFileSync } from "node:fs";

// client/broker-url.ts
var example = "write the origin that is its issuer, such as https://broker.acme.dev";
function parseBrokerUrl(text) {
  if (!URL.canParse(text)) throw new TokenBrokerError(`the broker's URL is none: ${example}`);
  const url = new URL(text);
  if (!keepsSecrets(url))
    throw new TokenBrokerError(`the broker's URL must be https, and may be http on loopback only: ${example}`);
  if (url.href !== `${url.origin}/`)
    throw new TokenBrokerError(`the broker's URL has a path, a query or a user in it: ${example}`);
  return url.origin;
}
function keepsSecrets({ protocol, hostname }) {
  return protocol === "https:" || protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}

// lib/protocol/strict-json.ts
var MAX_DEPTH = 16;
var utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function parseJsonObject2(input) {
  let text;
  try {
    text = typeof input === "string" ? input : utf8.decode(input);
  } catch {
    throw new SyntaxError("not valid UTF-8");
  }
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SyntaxError("not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("not a JSON object");
  refuseAmbiguities(text);
  return value;
}
function refuseAmbiguities(text) {
  const members = [];
  let i = 0;
  let expectName = false;
  while (i < text.length) {
    const character = text[i];
    if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      i++;
      const literal = text.slice(start, i);
      if (!expectName && !literal.includes("\\u")) continue;
      const name3 = JSON.parse(literal);
      if (!name3.isWellFormed()) throw new SyntaxError("an unpaired surrogate");
      if (!expectName) continue;
      const seen = members.at(-1);
      if (seen?.has(name3)) throw new SyntaxError("duplicate member name");
      seen?.add(name3);
      expectName = false;
      continue;
    }
    if (character === "{" || character === "[") {
      members.push(character === "{" ? /* @__PURE__ */ new Set() : void 0);
      if (members.length > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH}`);
      expectName = character === "{";
    } else if (character === "}" || character === "]") {
      members.pop();
    } else if (character === ",") {
      expectName = members.at(-1) !== void 0;
    } else if (character === "-" || character !== void 0 && character >= "0" && character <= "9") {
      number.lastIndex = i;
      const literal = number.exec(text)?.[0] ?? "";
      if (!isExact(literal)) throw new SyntaxError("a number that a double cannot hold");
      i += literal.length;
      continue;
    }
    i++;
  }
}
var number = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
function isExact(literal) {
  if (/^-?\d{1,15}$/.test(literal)) return true;
  const digits = significant(literal);
  if (digits === "") return true;
  if (digits.length > 100) return false;
  const value = Math.abs(Number(literal));
  if (!Number.isFinite(value)) return false;
  return [value.toPrecision(digits.length), String(value)].some((shown) => significant(shown) === digits);
}
function significant(literal) {
  const [mantissa = ""] = literal.toLowerCase().split("e");
  const digits = mantissa.replaceAll(/[-.]/g, "").replace(/^0+/, "");
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

// client/subject-token.ts
var MAX_TOKEN_BYTES = 16 * 1024;
var ofTheTokenAlone = ["iat", "nbf", "exp", "jti"];
function readySource(name3, read) {
  const readToken = async (left) => parseSubjectToken(await within(left, read(left), name3), name3);
  let known2;
  return {
    name: name3,
    fresh: false,
    async identity() {
      known2 = await readToken(3e4);
      return identityOf(known2);
    },
    async token(left) {
      const token = known2 ?? await readToken(left);
      known2 = void 0;
      return token;
    }
  };
}
async function within(left, work, name3) {
  let timer;
  const patience = new Promise((_, reject) => {
    timer = setTimeout(() => reject(noTokenWithin(left, name3)), left).unref();
  });
  try {
    return await Promise.race([work, patience]);
  } finally {
    clearTimeout(timer);
  }
}
function noTokenWithin(left, name3) {
  return new TemporaryError(`${name3} gave no token within ${Math.ceil(left / 1e3)} s`);
}
function identityOf(token) {
  try {
    const claims = parseJsonObject2(payloadBytes(token));
    return JSON.stringify(Object.entries(claims).filter(([claim]) => !ofTheTokenAlone.includes(claim)));
  } catch {
    return void 0;
  }
}
function parseSubjectToken(text, name3) {
  const token = typeof text === "string" ? text.trim() : "";
  if (token === "") throw new TokenBrokerError(`${name3} is empty, or not there`);
  if (token.length > MAX_TOKEN_BYTES) throw new TokenBrokerError(`${name3} holds no token: it is larger than 16 KiB`);
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) || claimsOf(token) === void 0)
    throw new TokenBrokerError(`${name3} holds no JWT, which is what the broker takes`);
  return token;
}

// client/github-actions.ts
var name = "GitHub Actions";
function githubActions({ url, token }, audience) {
  if (!URL.canParse(url) || !keepsSecrets(new URL(url)))
    throw new TokenBrokerError("ACTIONS_ID_TOKEN_REQUEST_URL is no https URL");
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new TokenBrokerError("ACTIONS_ID_TOKEN_REQUEST_TOKEN holds characters that no token has");
  const asked = new URL(url);
  asked.searchParams.set("audience", audience);
  return {
    name,
    fresh: true,
    identity: () => Promise.resolve(JSON.stringify([asked.href, token])),
    async token(left) {
      const { status, headers, text } = await request(asked.href, {
        name,
        timeout: Math.min(5e3, left),
        headers: { authorization: `Bearer ${token}`, accept: "application/json" }
      });
      if (status === 429 || status >= 500)
        throw new TemporaryError(
          `${name} answered ${status} when asked for a token`,
          parseRetryAfter(headers.get("retry-after"), Date.now())
        );
      if (status !== 200)
        throw new TokenBrokerError(
          `${name} answered ${status} when asked for a token: the job's right to ask may have ended with it`
        );
      return parseSubjectToken(parseJsonObject(text)?.value, `the answer of ${name}`);
    }
  };
}

// client/token-command.ts
import { spawn } from "node:child_process";
var name2 = "the token command";
var limits2 = { patience: 3e4, grace: 500 };
var hasGroups = process.platform !== "win32";
var endings = ["SIGINT", "SIGTERM", "SIGHUP"];
function tokenCommand(command) {
  return readySource(name2, (left) => run(command, Math.min(limits2.patience, left)));
}
function run(command, timeout2) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ["ignore", "pipe", "pipe"], detached: hasGroups });
    const forget = passEndingsOn(child);
    const chunks = [];
    let length = 0;
    let grace;
    const timer = setTimeout(() => give(`did not end within ${Math.ceil(timeout2 / 1e3)} s`), timeout2);
    const letGo = () => {
      clearTimeout(timer);
      clearTimeout(grace);
      forget();
      if (isRunning(child)) signalGroup(child, "SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    };
    const give = (problem) => {
      letGo();
      reject(new TokenBrokerError(`${name2} ${problem}`));
    };
    const take = () => {
      const { exitCode, signalCode } = child;
      if (exitCode === null) return give(`was ended by ${signalCode}`);
      if (exitCode !== 0) return give(`failed with exit code ${exitCode}: run it by itself to see why`);
      letGo();
      resolve(Buffer.concat(chunks).toString("utf8"));
    };
    child.stderr.pipe(process.stderr, { end: false });
    child.stdout.on("data", (chunk) => {
      length += chunk.byteLength;
      if (length > 2 * MAX_TOKEN_BYTES) give("printed more than any token holds");
      else chunks.push(chunk);
    });
    child.on("error", ({ code }) => give(`could not be run (${code})`));
    child.on("exit", () => {
      clearTimeout(timer);
      grace = setTimeout(take, limits2.grace);
    });
    child.on("close", take);
  });
}
function passEndingsOn(child) {
  if (!hasGroups) return () => {
  };
  const pass = (signal) => {
    forget();
    if (isRunning(child)) signalGroup(child, signal);
    process.kill(process.pid, signal);
  };
  const forget = () => endings.forEach((signal) => process.off(signal, pass));
  endings.forEach((signal) => process.on(signal, pass));
  return forget;
}
function isRunning({ pid, exitCode, signalCode }) {
  return pid !== void 0 && exitCode === null && signalCode === null;
}
function signalGroup(child, signal) {
  try {
    if (hasGroups) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
  }
}

// client/token-file.ts
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { setTimeout as setTimeout3 } from "node:timers/promises";
function tokenFile(path) {
  const name3 = `the file ${printablePath(path)}`;
  let once;
  return readySource(name3, async (left) => {
    try {
      if (once !== void 0) return once;
      const { text, isFile } = await readStart(path, left, name3);
      if (!isFile) once = text;
      return text;
    } catch (error) {
      if (error instanceof TokenBrokerError) throw error;
      const { code = "" } = error;
      throw new TokenBrokerError(`${name3} ${problems[code] ?? `cannot be read: ${code}`}`);
    }
  });
}
async function readStart(path, left, name3) {
  const end = performance.now() + left;
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const there = await file.stat();
    const mayBegin = there.isFIFO() && await realpath(path).then(Boolean, () => false);
    const bytes = Buffer.alloc(2 * MAX_TOKEN_BYTES);
    for (let length = 0; ; ) {
      const bytesRead = await readReady(file, bytes, length);
      length += bytesRead ?? 0;
      if (length === bytes.length || bytesRead === 0 && !(mayBegin && length === 0))
        return { text: bytes.toString("utf8", 0, length), isFile: there.isFile() };
      if (performance.now() >= end) throw noTokenWithin(left, name3);
      if (!bytesRead) await setTimeout3(20);
    }
  } finally {
    await file.close();
  }
}
async function readReady(file, bytes, length) {
  try {
    return (await file.read(bytes, length)).bytesRead;
  } catch (error) {
    if (error.code === "EAGAIN") return void 0;
    throw error;
  }
}
var problems = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a folder: name the file in it",
  EACCES: "may not be read: look at its permissions"
};

// client/find-subject-token.ts
var ID_TOKEN_VARIABLE = "TOKEN_BROKER_ID_TOKEN";
var circleVariables = ["CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"];
function findSubjectToken(options, broker, env) {
  const ready = named(options, env) ?? (env[ID_TOKEN_VARIABLE] ? variable(ID_TOKEN_VARIABLE, env) : void 0);
  if (ready === void 0) {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = env;
    if (url && token) return githubActions({ url, token }, options.audience ?? broker);
  }
  const found = ready ?? circle(env);
  if (found === void 0) throw new TokenBrokerError(nothingFound(broker, env));
  if (options.audience !== void 0)
    throw new TokenBrokerError(
      `an audience can be asked for in GitHub Actions only: the token in ${found.name} says already whom it is for`
    );
  return found;
}
function named({ file, variable: name3, command }, env) {
  if (file !== void 0) return tokenFile(file);
  if (name3 !== void 0) return variable(name3, env);
  if (command !== void 0) return tokenCommand(command);
  return void 0;
}
function circle(env) {
  const name3 = circleVariables.find((name4) => env[name4]);
  return name3 === void 0 ? void 0 : variable(name3, env);
}
function variable(name3, env) {
  if (!/^[A-Za-z_]\w{0,99}$/.test(name3)) throw new TokenBrokerError("that is no name of an environment variable");
  const shown = env[name3] === void 0 ? printable(name3) : name3;
  return readySource(`the variable ${shown}`, () => env[name3] ?? "");
}
function nothingFound(broker, env) {
  if (env.GITHUB_ACTIONS === "true")
    return `GitHub gives this job no OIDC token. Allow it in the workflow, for the job or for all of them:

    permissions:
      contents: read    # what it had without this key is gone with it
      id-token: write

A reusable workflow also needs it from the job that calls it. A pull request from a fork cannot have it.`;
  if (env.GITLAB_CI === "true")
    return `GitLab gives this job no ID token. Ask for it in .gitlab-ci.yml, in the job or under default:

    id_tokens:
      ${ID_TOKEN_VARIABLE}:
        aud: ${broker}`;
  if (env.CIRCLECI === "true")
    return `CircleCI gives this job no OIDC token (${circleVariables.join(", ")}): it does to jobs that use a context`;
  return `no token to trade was found: this is no job of GitHub Actions, and ${ID_TOKEN_VARIABLE} is not set. Say where one is: token-broker takes --token-file, --token-env and --token-command, fromTokenBroker takes tokenFile and token`;
}

// action/find-job-token.ts
function findJobToken({ broker, audience }, env) {
  try {
    const { ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN } = env;
    const ofGitHub = { GITHUB_ACTIONS: "true", ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN };
    return findSubjectToken({ audience }, broker, ofGitHub);
  } catch (error) {
    if (env.ACTIONS_ID_TOKEN_REQUEST_URL || !isPullRequestFromFork(env)) throw error;
    throw new TokenBrokerError(noneForForks);
  }
}
var noneForForks = `this is a pull request from a fork, and GitHub gives those no OIDC token, whatever the workflow's permissions say. Leave the job out for them:

    if: \${{ !github.event.pull_request || github.event.pull_request.head.repo.full_name == github.repository }}

What needs the broker can run on push, after the merge.`;
var events = ["pull_request", "pull_request_review", "pull_request_review_comment"];
function isPullRequestFromFork(env) {
  if (!events.includes(env.GITHUB_EVENT_NAME ?? "")) return false;
  const { head, base } = readEvent(env.GITHUB_EVENT_PATH)?.pull_request ?? {};
  return head !== void 0 && head.repo?.id !== base?.repo?.id;
}
function readEvent(path = "") {
  try {
    return parseJsonObject(readFileSync(path, "utf8"));
  } catch {
    return void 0;
  }
}

// action/workflow-command.ts
function errorCommand(message) {
  return annotation("error", message);
}
function warningCommand(message) {
  return annotation("warning", message);
}
function annotation(name3, message) {
  return `::${name3} title=token-broker::${escapeData(message.split("\n").map(toOneLine).join("\n"))}
`;
}
function logLine(text) {
  return `token-broker: ${toOneLine(text)}
`;
}

// action/hand-over.ts
function handOver(issued, { target, region }, files, print2) {
  const expiration = new Date(Math.floor(issued.expires_at) * 1e3).toISOString().replace(".000Z", "Z");
  print2(secretsOf(issued).map(addMask).join(""));
  if (issued.issued_token_type === AWS_CREDENTIALS_TYPE) {
    const { AccessKeyId, SecretAccessKey, SessionToken } = issued.credentials;
    const variables = {
      AWS_ACCESS_KEY_ID: AccessKeyId,
      AWS_SECRET_ACCESS_KEY: SecretAccessKey,
      AWS_SESSION_TOKEN: SessionToken,
      // Some SDKs read the one, some the other.
      ...region === void 0 ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }
    };
    files.addOutputs({ expiration });
    files.addVariables(variables);
    print2(logLine(`${target} issued AWS credentials until ${expiration}: ${Object.keys(variables).join(", ")}`));
  } else {
    if (region !== void 0)
      throw new TokenBrokerError(
        `aws-region is for a target with a role, and ${target} issues an access token: leave aws-region out`
      );
    files.addOutputs({ token: issued.access_token, expiration });
    const scope = issued.scope === void 0 ? "" : ` with the scope ${issued.scope}`;
    print2(logLine(`${target} issued an access token${scope} until ${expiration}: the output token`));
  }
}

// action/inputs.ts
var inputNames = ["broker", "target", "scope", "audience", "aws-region"];
function warnOfUnknown(env) {
  const unknown = Object.keys(env).filter((name3) => name3.startsWith("INPUT_") && !known.includes(name3));
  if (unknown.length === 0) return void 0;
  return `the environment has ${printable(unknown.join(", "))}: no inputs of this action, which are ${inputNames.join(", ")}`;
}
function readInputs(env) {
  return {
    broker: parseBrokerUrl(required("broker", "https://broker.acme.dev")),
    target: required("target", "deploy-api"),
    scope: input("scope"),
    audience: input("audience"),
    region: readRegion(input("aws-region"))
  };
  function input(name3) {
    return env[variableOf(name3)]?.trim() || void 0;
  }
  function required(name3, example2) {
    const value = input(name3);
    if (value === void 0)
      throw new TokenBrokerError(
        `the input ${name3} is missing. Give it to the step:

    with:
      ${name3}: ${example2}`
      );
    return value;
  }
}
function variableOf(name3) {
  return `INPUT_${name3.toUpperCase()}`;
}
var known = inputNames.map(variableOf);
function readRegion(region) {
  if (region !== void 0 && !/^[a-z]{2,8}(?:-[a-z]{2,16})+-\d{1,2}$/.test(region))
    throw new TokenBrokerError(`the input aws-region is no region, such as eu-west-1: ${printable(region)}`);
  return region;
}

// action/runner-files.ts
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
function runnerFiles(env) {
  const outputs = runnerFile("GITHUB_OUTPUT", env);
  const variables = runnerFile("GITHUB_ENV", env);
  return { addOutputs: outputs, addVariables: variables };
}
function runnerFile(name3, env) {
  const path = env[name3];
  if (!path) throw new TokenBrokerError(`${name3} is not set: this action runs on a runner of GitHub Actions only`);
  const append = (text) => {
    try {
      appendFileSync(path, text);
    } catch (error) {
      throw new TokenBrokerError(`the runner's file ${name3} cannot be written (${error.code})`);
    }
  };
  append("");
  return (values) => append(Object.entries(values).map(assignment).join(""));
}
function assignment([name3, value]) {
  const delimiter = `ghadelimiter_${randomUUID()}`;
  return `${name3}<<${delimiter}
${value}
${delimiter}
`;
}

// action/main.ts
process.exitCode = await main(process.env);
async function main(env) {
  let presented = "";
  let asked;
  const warning = warnOfUnknown(env);
  if (warning !== void 0) print(warningCommand(warning));
  try {
    const inputs = readInputs(env);
    const files = runnerFiles(env);
    const source = findJobToken(inputs, env);
    if (source.fresh) asked = inputs.audience ?? inputs.broker;
    const token = async (left) => {
      presented = await source.token(left);
      print(addMask(presented));
      return presented;
    };
    const issued = await exchange(inputs, { ...source, token }, thisMachine);
    handOver(issued, inputs, files, print);
    return 0;
  } catch (error) {
    print(errorCommand(explain(error, presented, asked)));
    return 1;
  }
}
function explain(error, presented, asked) {
  if (error instanceof RefusedByBroker) return explainRefusal(error, presented, asked);
  return error instanceof TokenBrokerError ? error.message : `${error.stack}`;
}
function print(text) {
  process.stdout.write(text);
}
