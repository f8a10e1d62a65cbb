import type { ChannelKind } from "../../contract/index.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import type { Http } from "./http.ts";
import { DeliveryError, type Destination, type Notifier, type Notifiers, type Origin } from "./notifier.ts";
import { ntfy } from "./ntfy.ts";
import { slack } from "./slack.ts";
import { telegram } from "./telegram.ts";
import { webhook } from "./webhook.ts";

/** Every kind of channel there is: a new one is a file, a line here, and its settings in the contract. */
export function createNotifiers(http: Http, origin: Origin): Notifiers {
  const kinds: { readonly [Kind in ChannelKind]: Notifier<Kind> } = {
    webhook: webhook(http, origin),
    slack: slack(http, origin),
    discord: discord(http, origin),
    ntfy: ntfy(http, origin),
    telegram: telegram(http, origin),
    email: email(http.addresses, origin),
  };
  // A destination's kind and settings belong together; TypeScript cannot follow that through the table.
  const notifierOf = ({ kind }: Destination) => kinds[kind] as Notifier<ChannelKind>;
  return {
    target: (destination) => notifierOf(destination).target(destination.settings),
    async send(destination, notice, signal) {
      try {
        return { delivered: true, ...(await notifierOf(destination).send(destination.settings, notice, signal)) };
      } catch (error) {
        if (!(error instanceof DeliveryError)) throw error;
        const { status, message, final, retryAfterMs } = error;
        return { delivered: false, status, detail: message, final, retryAfterMs };
      }
    },
  };
}
