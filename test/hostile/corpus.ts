import fc from "fast-check";
import { validEvents } from "../../src/realtime/requests.ts";

/** What Engine.IO and Socket.IO clients send, and what has broken servers before. */
export function packetCorpus(seed: number): string[] {
  const written = [
    ...[
      "40",
      "41",
      "2",
      "2probe",
      "3",
      "3probe",
      "5",
      "6",
      "1",
      "0{}",
      "4",
      "40/admin,",
      "41/admin,",
      '44{"message":"x"}',
    ],
    ...[
      "43[]",
      "430[]",
      "4399999999999999999999[]",
      '451-["x",{"_placeholder":true,"num":0}]',
      "45999999999-[]",
      "46-1[]",
    ],
    ...[
      '42["__proto__",{"constructor":{"prototype":{}}}]',
      '42["error"]',
      '42["connect"]',
      '42["disconnecting"]',
      "42[]",
    ],
    ...["42{}", "42null", '42[""]', "42[null]", "42[[]]", '42[{"toString":1}]', `42${"[".repeat(5_000)}`, '42["a","b"'],
    '42["subscribe_activity_stream",{"after":"act-99999999999999999999"}]',
    '42["subscribe_activity_stream",{"after":-1,"__proto__":{"after":1}}]',
    '420["subscribe_all"]',
    '42999999999999999999999999["subscribe_all"]',
    `42${JSON.stringify(["subscribe_all", "x".repeat(20_000)])}`,
  ];
  const event = fc.oneof(fc.constantFrom(...validEvents), fc.string(), fc.jsonValue());
  const packet = fc
    .tuple(fc.constantFrom("42", "421", "420", "43", "45", "42/x,"), event, fc.array(fc.jsonValue(), { maxLength: 3 }))
    .map(([type, name, args]) => type + JSON.stringify([name, ...args]));
  return [
    ...written,
    ...validEvents.map((name) => `42${JSON.stringify([name])}`),
    ...fc.sample(packet, { seed, numRuns: 2_000 }),
  ];
}

/** Bodies for every kind of field there is, right and wrong. */
export function bodyCorpus(seed: number): string[] {
  const written = [
    '{"model_id":"m","name":"M","model_source":"local"}',
    '{"model_id":"m","runtime":"external","port":1,"health":{"path":"/","interval_seconds":1e308}}',
    '{"message":"x","extra_data":{"a":[1,2,{"b":null}]},"severity":"info"}',
    '{"name":"t","role":"admin","expires_in_seconds":-1}',
    '{"__proto__":{"admin":true},"constructor":1}',
    `{"message":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
    `{"message":"${"\\u0000".repeat(100)}"}`,
    ...["", "null", "[]", "0", '"', "{", "1e999", "\ufeff{}", '{"a":1,"a":2}', "NaN"],
  ];
  const field = fc.constantFrom(
    "model_id",
    "name",
    "model_source",
    "uri",
    "runtime",
    "port",
    "host",
    "env",
    "args",
    "health",
    "message",
    "severity",
    "extra_data",
    "role",
    "scopes",
    "token",
    "tags",
  );
  const body = fc.dictionary(field, fc.jsonValue(), { maxKeys: 8 }).map((value) => JSON.stringify(value));
  return [...written, ...fc.sample(body, { seed, numRuns: 2_000 })];
}
