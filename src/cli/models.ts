import type { Command } from "@commander-js/extra-typings";
import type { Model } from "../contract/models.ts";
import { type Context, clientCommand, groupCommand, openSession, type Session } from "./context.ts";
import { UsageError } from "./failure.ts";
import { ago, bytes } from "./format.ts";
import { clearable, given, number, several } from "./options.ts";
import { notePage, show } from "./show.ts";
import { type Column, details, table } from "./table.ts";
import { NOTHING } from "./text.ts";

/** `models list|get|add|update|remove`. */
export function addModelsCommands(program: Command, context: Context): void {
  const models = groupCommand(program, "models", "the registry of models");

  clientCommand(models, "list", "list models")
    .option("--limit <count>", "at most this many (50)", number)
    .option("--after <model-id>", "only those after this one")
    .action(async ({ limit, after, ...options }) => {
      const session = openSession(options, context);
      const page = await session.api.models.list({ limit, after });
      show(session, page, () => list(page.items, session));
      notePage(session, page, "after");
    });

  clientCommand(models, "get", "show a model")
    .argument("<model-id>")
    .action(async (id, options) => {
      const session = openSession(options, context);
      const model = await session.api.models.get(id);
      show(session, model, () => one(model, session));
    });

  clientCommand(models, "add", "register a model")
    .argument("<model-id>", "a lower-case slug, such as llama2-7b")
    .requiredOption("--source <word>", "where it comes from: huggingface, ollama, local, url, …")
    .option("--name <name>", "what people call it (its id)")
    .option("--uri <uri>", "where its files are")
    .option("--description <text>", "what it is")
    .option("--size-bytes <bytes>", "size of the weights on disk", number)
    .option("--context-length <tokens>", "tokens it can attend to", number)
    .option("--tag <tag>", "a label; may be given several times", several)
    .action(async (id, { source, name, uri, description, sizeBytes, contextLength, tag, ...options }) => {
      const session = openSession(options, context);
      const model = await session.api.models.create({
        model_id: id,
        model_source: source,
        name: name ?? id,
        ...given({ uri, description, size_bytes: sizeBytes, context_length: contextLength, tags: tag }),
      });
      show(session, model, () => [`Added ${model.model_id}. Deploy it with: llm-manager deployments create ${id} …`]);
    });

  clientCommand(models, "update", 'change a model; "" clears --uri and --description')
    .argument("<model-id>")
    .option("--source <word>", "where it comes from")
    .option("--name <name>", "what people call it")
    .option("--uri <uri>", "where its files are")
    .option("--description <text>", "what it is")
    .option("--size-bytes <bytes>", "size of the weights on disk", number)
    .option("--context-length <tokens>", "tokens it can attend to", number)
    .option("--tag <tag>", "a label, instead of all there are; may be given several times", several)
    .action(async (id, { source, name, uri, description, sizeBytes, contextLength, tag, ...options }) => {
      const changes = given({
        model_source: source,
        name,
        uri: clearable(uri),
        description: clearable(description),
        size_bytes: sizeBytes,
        context_length: contextLength,
        tags: tag,
      });
      if (Object.keys(changes).length === 0) throw new UsageError("say what to change, e.g. --name; see --help");
      const session = openSession(options, context);
      const model = await session.api.models.update(id, changes);
      show(session, model, () => [`Changed ${model.model_id}.`]);
    });

  clientCommand(models, "remove", "remove a model that nothing deploys")
    .argument("<model-id>")
    .action(async (id, options) => {
      const session = openSession(options, context);
      await session.api.models.remove(id);
      show(session, { model_id: id, removed: true }, () => [`Removed ${id}.`]);
    });
}

const columns: readonly Column<Model>[] = [
  { title: "MODEL", value: ({ model_id }) => model_id },
  { title: "NAME", value: ({ name }) => name, shrinks: true },
  { title: "SOURCE", value: ({ model_source }) => model_source, shrinks: true },
  { title: "SIZE", value: ({ size_bytes }) => (size_bytes === null ? NOTHING : bytes(size_bytes)) },
  { title: "URI", value: ({ uri }) => uri ?? NOTHING, shrinks: true },
  { title: "ADDED", value: ({ created_at }) => ago(created_at, Date.now()) },
];

function list(models: readonly Model[], { output }: Session): string[] {
  if (models.length === 0) return ["No models yet. Add one with: llm-manager models add <model-id> --source <word>"];
  return table(models, columns, output.columns(), output.paint);
}

function one(model: Model, { output }: Session): string[] {
  return details(
    [
      ["model", model.model_id],
      ["name", model.name],
      ["source", model.model_source],
      ["uri", model.uri ?? NOTHING],
      ["description", model.description ?? NOTHING],
      ["size", model.size_bytes === null ? NOTHING : bytes(model.size_bytes)],
      ["context", model.context_length === null ? NOTHING : `${model.context_length} tokens`],
      ["tags", model.tags.join(", ") || NOTHING],
      ["created", model.created_at],
      ["updated", model.updated_at],
    ],
    output.paint,
  );
}
