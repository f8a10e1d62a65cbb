import { truncateSync, writeFileSync } from "node:fs";

const u32 = (n: number) => Buffer.from(new Uint32Array([n]).buffer);
const u64 = (n: number) => Buffer.from(new BigUint64Array([BigInt(n)]).buffer);
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** The header of a GGUF file with one tensor: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
function gguf(values: Record<string, string | number>): Buffer {
  const pairs = Object.entries(values).map(([key, value]) =>
    typeof value === "string"
      ? Buffer.concat([text(key), u32(8), text(value)])
      : Buffer.concat([text(key), u32(4), u32(value)]),
  );
  const tensor = [text("token_embd.weight"), u32(2), u64(64), u64(4), u32(0), u64(0)];
  return Buffer.concat([Buffer.from("GGUF"), u32(3), u64(1), u64(pairs.length), ...pairs, ...tensor]);
}

/** Of a model with 32 layers, whose cache takes 1 GiB for its 8192 tokens. Its one tensor goes behind it. */
export const llama = gguf({
  "general.architecture": "llama",
  "llama.block_count": 32,
  "llama.attention.head_count": 32,
  "llama.attention.head_count_kv": 8,
  "llama.embedding_length": 4096,
  "llama.context_length": 8192,
});

/** A GGUF file of `size` bytes that takes up almost none of the disk. */
export function writeGguf(path: string, size: number): void {
  writeFileSync(path, llama);
  truncateSync(path, size);
}
