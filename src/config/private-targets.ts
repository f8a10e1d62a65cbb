import ipaddr from "ipaddr.js";
import { z } from "zod";

const ERROR = "must be off, on, or names, addresses and ranges such as ntfy.lan or 10.0.0.0/8, separated by commas";
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/;

/** `on`, or the names, addresses and ranges that channels may reach although they are private; none for `off`. */
export const privateTargets = z
  .union([z.boolean().transform((on) => (on ? "on" : "off")), z.string(), z.array(z.string())], { error: ERROR })
  .transform((value) => (typeof value === "string" ? value.split(",") : value).map((item) => item.trim().toLowerCase()))
  .transform((items) => items.filter((item) => item !== "" && item !== "off"))
  .refine((items) => items.every((item) => (item.includes("/") ? ipaddr.isValidCIDR(item) : isHost(item))), ERROR);

function isHost(text: string): boolean {
  return NAME.test(text) || ipaddr.isValid(text);
}
