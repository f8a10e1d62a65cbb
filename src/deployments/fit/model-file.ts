import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What decides how much memory a model takes. */
export interface ModelFacts {
  readonly weightsBytes: number;
  /** Null when the file does not say. */
  readonly shape: {
    readonly layers: number;
    /** Of all layers together: key and value heads times their length. */
    readonly cacheWidth: number;
    /** Tokens it was trained for. */
    readonly contextLength: number | null;
  } | null;
}

/** The file is not what it should be; the message says what is wrong with it. */
export class ModelFileError extends Error {
  override readonly name = "ModelFileError";
  /** `missing`: there is none. `foreign`: of a kind that is not known here. `damaged`: it is not all there. */
  readonly kind: "missing" | "foreign" | "damaged";

  constructor(kind: ModelFileError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Reads a GGUF file, or a directory of safetensors, without its weights. @throws ModelFileError */
export async function readModel(path: string): Promise<ModelFacts> {
  const found = await stat(path).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new ModelFileError("missing", `${JSON.stringify(path)} cannot be read (${code})`);
  });
  if (!found) throw new ModelFileError("missing", `there is no ${path}`);
  if (found.isDirectory()) return readSafetensors(path);
  // To read a pipe or a device may never end.
  if (!found.isFile()) throw new ModelFileError("foreign", `${path} is no file`);
  if (path.endsWith(".safetensors")) return { weightsBytes: found.size, shape: null };
  return readGguf(path, found.size);
}

async function readGguf(path: string, size: number): Promise<ModelFacts> {
  const { gguf } = await import("@huggingface/gguf");
  let header: Awaited<ReturnType<typeof gguf>>;
  try {
    header = await gguf(path, { allowLocalFile: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ModelFileError(message.includes("not a valid gguf") ? "foreign" : "damaged", `${path} is ${message}`);
  }
  const { metadata, tensorInfos, tensorDataOffset } = header;
  let last = 0n;
  for (const { offset } of tensorInfos) if (offset > last) last = offset;
  if (tensorDataOffset + last >= BigInt(size)) {
    throw new ModelFileError("damaged", `${path} is not complete: it has ${size} bytes, and its tensors lie beyond`);
  }
  // Keys are made from the architecture, of which a newer file may have one that the library's types do not name.
  const values = { ...metadata } as Readonly<Record<string, unknown>>;
  const architecture = String(values["general.architecture"]);
  const of = (key: string) => values[`${architecture}.${key}`];
  const layers = count(of("block_count"));
  const heads = count(of("attention.head_count"));
  const width = count(of("embedding_length"));
  const perHead = heads && width ? width / heads : null;
  const key = count(of("attention.key_length")) ?? perHead;
  const value = count(of("attention.value_length")) ?? perHead;
  const cacheHeads = of("attention.head_count_kv") ?? heads;
  const everyLayer = Array.isArray(cacheHeads)
    ? cacheHeads.reduce((sum: number, each) => sum + Number(each), 0)
    : (count(cacheHeads) ?? 0) * (layers ?? 0);
  const shape =
    layers && key && value && everyLayer
      ? { layers, cacheWidth: everyLayer * (key + value), contextLength: count(of("context_length")) }
      : null;
  return { weightsBytes: await totalSize(await shardsOf(path)), shape };
}

/** `model-00001-of-00003.gguf` and those that go with it. @throws ModelFileError when one of them is missing. */
async function shardsOf(path: string): Promise<string[]> {
  const [, stem, total] = /^(.*)-00001-of-([0-9]{5})\.gguf$/.exec(basename(path)) ?? [];
  if (stem === undefined || total === undefined) return [path];
  const names = Array.from(
    { length: Number(total) },
    (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${total}.gguf`,
  );
  const there = new Set(await readdir(dirname(path)));
  const missing = names.find((name) => !there.has(name));
  if (missing !== undefined) throw new ModelFileError("damaged", `${path} is not complete: ${missing} is missing`);
  return names.map((name) => join(dirname(path), name));
}

async function readSafetensors(directory: string): Promise<ModelFacts> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".safetensors"));
  if (names.length === 0) throw new ModelFileError("foreign", `${directory} holds no *.safetensors`);
  const weightsBytes = await totalSize(names.map((name) => join(directory, name)));
  const config = await configOf(directory);
  const layers = count(config.num_hidden_layers);
  const heads = count(config.num_attention_heads);
  const width = count(config.hidden_size);
  const head = count(config.head_dim) ?? (heads && width ? width / heads : null);
  const cacheHeads = count(config.num_key_value_heads) ?? heads;
  const shape =
    layers && head && cacheHeads
      ? { layers, cacheWidth: layers * cacheHeads * 2 * head, contextLength: count(config.max_position_embeddings) }
      : null;
  return { weightsBytes, shape };
}

async function totalSize(paths: readonly string[]): Promise<number> {
  const files = await Promise.all(paths.map((path) => stat(path)));
  return files.reduce((sum, { size }) => sum + size, 0);
}

async function configOf(directory: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const config: unknown = JSON.parse(await readFile(join(directory, "config.json"), "utf8"));
    return typeof config === "object" && config !== null ? { ...config } : {};
  } catch {
    // Without it the weights are all that is known.
    return {};
  }
}

function count(value: unknown): number | null {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number > 0 ? number : null;
}
