import { InvalidArgumentError } from "@commander-js/extra-typings";

/** An option's value as a number. Whether it is in range is the server's to say, which names the field. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** Collects an option that may be given several times. */
export function several(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Collects the numbers of an option that may be given several times; `false` is what its `--no-` form left. */
export function severalNumbers(text: string, before: readonly number[] | false | undefined): number[] {
  return [...(before || []), number(text)];
}

/** `NAME=value`, collected over several options. */
export function assignment(text: string, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const split = text.indexOf("=");
  if (split < 1) throw new InvalidArgumentError("It must look like NAME=value.");
  return { ...before, [text.slice(0, split)]: text.slice(split + 1) };
}

/** An option's value as a JSON object. */
export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("It must be JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError('It must be a JSON object, such as {"key": 1}.');
  }
  return { ...value };
}

type Defined<Value extends object> = { [Name in keyof Value]: Exclude<Value[Name], undefined> };

/** `values` without the fields that were not given, so that the server's defaults apply to them. */
export function given<Value extends object>(values: Value): Partial<Defined<Value>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Defined<Value>
  >;
}

/** Text that is cleared by giving none, as in `--description ""`; undefined where the option was not given. */
export function clearable(text: string | undefined): string | null | undefined {
  return text === "" ? null : text;
}
